#include "services/wake_up/access_token.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "nlohmann/json.hpp"
#include "services/messenger/form_encoding.h"

namespace cofactor::services {
namespace {

// Of the JWT. Google takes at most an hour.
constexpr absl::Duration kAssertionLife = absl::Minutes(10);
constexpr absl::Duration kMargin = absl::Minutes(5);
constexpr absl::Duration kFirstDelay = absl::Seconds(1);
constexpr absl::Duration kMaxDelay = absl::Minutes(5);
constexpr absl::Duration kRefusedDelay = absl::Minutes(1);
constexpr size_t kMaxTokenBytes = 8 * 1024;
constexpr int64_t kMaxLifeSeconds = 24 * 60 * 60;

struct NewToken {
  AccessTokenSource::Token token;
  absl::Duration life;
};

absl::StatusOr<NewToken> ReadAnswer(const HttpResult& result) {
  if (result.fate != HttpFate::kAnswered) {
    return absl::UnavailableError(
        absl::StrCat("no access token: ", result.reason));
  }
  const int status = result.status;
  if (status == 408 || status == 429 || status >= 500) {
    return absl::UnavailableError(
        absl::StrCat("no access token: HTTP ", status));
  }
  if (status != 200) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no access token: HTTP ", status,
        "; check that the service account and its key exist, and the clock"));
  }
  const absl::string_view body = result.body.ExposeSecret();
  const nlohmann::json answer =
      nlohmann::json::parse(body.begin(), body.end(), /*cb=*/nullptr,
                            /*allow_exceptions=*/false);
  const absl::Status malformed =
      absl::UnavailableError("no access token: the answer is malformed");
  if (!answer.is_object()) return malformed;
  const auto token = answer.find("access_token");
  const auto type = answer.find("token_type");
  const auto seconds = answer.find("expires_in");
  if (token == answer.end() || !token->is_string() || type == answer.end() ||
      !type->is_string() || seconds == answer.end() ||
      !seconds->is_number_integer() ||
      !absl::EqualsIgnoreCase(type->get_ref<const std::string&>(), "bearer")) {
    return malformed;
  }
  const std::string& text = token->get_ref<const std::string&>();
  if (text.empty() || text.size() > kMaxTokenBytes ||
      !std::all_of(text.begin(), text.end(),
                   [](char c) { return c > ' ' && c < '\x7f'; })) {
    return malformed;
  }
  const auto life = seconds->get<int64_t>();
  if (life <= 0 || life > kMaxLifeSeconds) return malformed;
  return NewToken{std::make_shared<const Secret>(absl::string_view(text)),
                  absl::Seconds(life)};
}

}  // namespace

struct AccessTokenSource::State {
  State(const Clock& its_clock, HttpClient& its_http,
        ServiceAccount its_account, Options its_options)
      : clock(its_clock),
        http(its_http),
        account(std::move(its_account)),
        options(std::move(its_options)) {}

  // An exchange of a JWT of now, until then.
  absl::StatusOr<HttpRequest> MakeRequest(absl::Time now,
                                          absl::Time end) const {
    nlohmann::json header = {{"typ", "JWT"}};
    if (!account.private_key_id.empty()) {
      header["kid"] = account.private_key_id;
    }
    const int64_t seconds = absl::ToUnixSeconds(now);
    absl::StatusOr<std::string> assertion = account.signer.Sign(
        std::move(header),
        {{"iss", account.client_email},
         {"scope", options.scope},
         {"aud", account.token_uri},
         {"iat", seconds},
         {"exp", seconds + absl::ToInt64Seconds(kAssertionLife)}});
    if (!assertion.ok()) {
      return absl::UnavailableError("no access token: OpenSSL cannot sign");
    }
    std::string form;
    form.reserve(2 * assertion->size() + 256);
    AppendFormField("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
                    form);
    AppendFormField("assertion", *assertion, form);
    Wipe(*assertion);
    HttpRequest request;
    request.url = account.token_uri;
    request.headers.push_back(
        {"Content-Type",
         Secret(absl::string_view("application/x-www-form-urlencoded"))});
    request.body = Secret(std::move(form));
    request.deadline = end;
    return request;
  }

  // Takes note of how an exchange ended that began then, and gives back who
  // waits for it.
  std::vector<Done> End(absl::Time start, const absl::StatusOr<NewToken>& made)
      ABSL_LOCKS_EXCLUDED(mutex) {
    MutexLock lock(mutex);
    is_under_way = false;
    if (made.ok()) {
      token = made->token;
      made_at = start;
      refresh_at = start + std::max(made->life - kMargin, made->life / 2);
      ends_at = start + made->life;
      failure = absl::OkStatus();
      delay = absl::ZeroDuration();
    } else {
      delay = std::clamp(2 * delay, kFirstDelay, kMaxDelay);
      FailUntil(clock.Now(), delay, made.status());
    }
    return std::exchange(waiting, {});
  }

  void FailUntil(absl::Time now, absl::Duration pause, absl::Status status)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    failure = std::move(status);
    failed_at = now;
    next_try = now + pause;
  }

  const Clock& clock;
  HttpClient& http;
  const ServiceAccount account;
  const Options options;

  Mutex mutex;
  // Null: there is none.
  Token token ABSL_GUARDED_BY(mutex);
  absl::Time made_at ABSL_GUARDED_BY(mutex);
  absl::Time refresh_at ABSL_GUARDED_BY(mutex);
  absl::Time ends_at ABSL_GUARDED_BY(mutex);
  bool is_under_way ABSL_GUARDED_BY(mutex) = false;
  absl::Time exchange_end ABSL_GUARDED_BY(mutex);
  std::vector<Done> waiting ABSL_GUARDED_BY(mutex);
  // Why there was no token at last; OK: there was one.
  absl::Status failure ABSL_GUARDED_BY(mutex);
  absl::Time failed_at ABSL_GUARDED_BY(mutex);
  absl::Time next_try ABSL_GUARDED_BY(mutex);
  absl::Duration delay ABSL_GUARDED_BY(mutex);
};

AccessTokenSource::AccessTokenSource(const Clock& clock, HttpClient& http,
                                     ServiceAccount account, Options options)
    : state_(std::make_shared<State>(clock, http, std::move(account),
                                     std::move(options))) {}

AccessTokenSource::~AccessTokenSource() = default;

void AccessTokenSource::Get(absl::Time deadline, Done done) {
  State& state = *state_;
  const absl::Time now = state.clock.Now();
  const absl::Time end = std::min(deadline, now + state.options.timeout);
  // What is given at once, and whether an exchange is begun here.
  absl::StatusOr<Token> at_once = Token();
  bool begins = false;
  {
    MutexLock lock(state.mutex);
    // Before it was made: the clock was set back, and its end is not known.
    const bool is_usable =
        state.token != nullptr && now >= state.made_at && now < state.ends_at;
    const bool is_fresh = is_usable && now < state.refresh_at;
    const bool backs_off =
        !state.failure.ok() && now >= state.failed_at && now < state.next_try;
    if (is_usable) at_once = state.token;
    begins = !is_fresh && !state.is_under_way && !backs_off;
    if (begins) {
      state.is_under_way = true;
      state.exchange_end = end;
    }
    if (!is_usable) {
      if (!begins && !state.is_under_way) {
        at_once = state.failure;
      } else if (deadline < state.exchange_end) {
        at_once = absl::UnavailableError("no access token by the deadline");
      } else if (state.waiting.size() >= state.options.max_waiting) {
        at_once = absl::UnavailableError("too many wait for an access token");
      } else {
        state.waiting.push_back(std::move(done));
      }
    }
  }
  if (begins) {
    const auto finish = [shared = state_, now](const HttpResult& result) {
      const absl::StatusOr<NewToken> made = ReadAnswer(result);
      for (Done& waiting : shared->End(now, made)) {
        if (made.ok()) {
          std::move(waiting)(made->token);
        } else {
          std::move(waiting)(made.status());
        }
      }
    };
    absl::StatusOr<HttpRequest> request = state.MakeRequest(now, end);
    if (request.ok()) {
      state.http.Post(*std::move(request), finish);
    } else {
      finish({.fate = HttpFate::kNotSent,
              .reason = std::string(request.status().message())});
    }
  }
  if (!at_once.ok() || *at_once != nullptr) {
    std::move(done)(std::move(at_once));
  }
}

void AccessTokenSource::Invalidate(const Token& token) {
  MutexLock lock(state_->mutex);
  if (token == nullptr || state_->token != token) return;
  const absl::Time now = state_->clock.Now();
  state_->token = nullptr;
  if (now - state_->made_at < kRefusedDelay) {
    state_->FailUntil(now, kRefusedDelay,
                      absl::FailedPreconditionError(
                          "the service refuses a new access token"));
  }
}

}  // namespace cofactor::services
