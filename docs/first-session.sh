#!/usr/bin/env bash
# A first session with a running server (tools/run): two people share one
# account, and each has an authenticator app. Run it from the root of the
# project against a server without data, or paste it step by step.
set -euo pipefail

GRPCURL=${GRPCURL:-.tools/bin/grpcurl}
SERVER=${SERVER:-127.0.0.1:50051}

# An account, and two people who share it.
$GRPCURL -plaintext -d '{"request_id": "acme-1", "account": {"account_id": "acme"}}' \
  "$SERVER" cofactor.v1.AccountService/CreateAccount
$GRPCURL -plaintext -d '{"member": {"account_id": "acme", "member_id": "ada", "role": "MEMBER_ROLE_OWNER"}}' \
  "$SERVER" cofactor.v1.AccountService/CreateMember
$GRPCURL -plaintext -d '{"member": {"account_id": "acme", "member_id": "bob"}}' \
  "$SERVER" cofactor.v1.AccountService/CreateMember

# Ada begins to enrol an authenticator app. Scan ada.png with it, or type the secret.
ADA=$($GRPCURL -plaintext -d '{"account_id": "acme", "member_id": "ada", "factor_type": "totp"}' \
  "$SERVER" cofactor.v1.AuthService/BeginEnrollment)
ADA_ENROLLMENT=$(jq -r .enrollment.enrollmentId <<<"$ADA")
ADA_SECRET=$(jq -r .activation.totp.base32Secret <<<"$ADA")
jq -r .activation.totp.qrPng <<<"$ADA" | base64 -d >ada.png
echo "Ada's secret is $ADA_SECRET, enrollment $ADA_ENROLLMENT."

# Bob does the same.
BOB=$($GRPCURL -plaintext -d '{"account_id": "acme", "member_id": "bob", "factor_type": "totp"}' \
  "$SERVER" cofactor.v1.AuthService/BeginEnrollment)
BOB_ENROLLMENT=$(jq -r .enrollment.enrollmentId <<<"$BOB")
BOB_SECRET=$(jq -r .activation.totp.base32Secret <<<"$BOB")
jq -r .activation.totp.qrPng <<<"$BOB" | base64 -d >bob.png
echo "Bob's secret is $BOB_SECRET, enrollment $BOB_ENROLLMENT."

# A first right code makes an enrollment active. Here oathtool plays the app;
# with a real one, write what it shows: CODE=123456.
CODE=$(oathtool --totp --base32 "$ADA_SECRET")
$GRPCURL -plaintext -d '{"account_id": "acme", "member_id": "ada", "enrollment_id": "'"$ADA_ENROLLMENT"'", "response": {"code": "'"$CODE"'"}}' \
  "$SERVER" cofactor.v1.AuthService/ConfirmEnrollment | jq -e .verified
CODE=$(oathtool --totp --base32 "$BOB_SECRET")
$GRPCURL -plaintext -d '{"account_id": "acme", "member_id": "bob", "enrollment_id": "'"$BOB_ENROLLMENT"'", "response": {"code": "'"$CODE"'"}}' \
  "$SERVER" cofactor.v1.AuthService/ConfirmEnrollment | jq -e .verified

# A code counts once, and the confirmation used up the present one. Wait for the
# app to show its next; oathtool knows it already.

# Is this Ada?
CODE=$(oathtool --totp --base32 --now "30 seconds" "$ADA_SECRET")
$GRPCURL -plaintext -d '{"account_id": "acme", "member_id": "ada", "code": "'"$CODE"'"}' \
  "$SERVER" cofactor.v1.AuthService/Verify | jq -e .verified

# The same code again: no error, and not verified.
$GRPCURL -plaintext -emit-defaults -d '{"account_id": "acme", "member_id": "ada", "code": "'"$CODE"'"}' \
  "$SERVER" cofactor.v1.AuthService/Verify | jq '{verified, reason}'

# Who typed this code? Without a member id, the answer says whose it is.
CODE=$(oathtool --totp --base32 --now "30 seconds" "$BOB_SECRET")
$GRPCURL -plaintext -d '{"account_id": "acme", "code": "'"$CODE"'"}' \
  "$SERVER" cofactor.v1.AuthService/Verify | jq -er .memberId
