#ifndef COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_KEEPER_H_
#define COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_KEEPER_H_

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "services/engine/mutation_runner.h"
#include "services/engine/receipt_engine.h"

namespace cofactor::services {

// Rotates the keys of receipts in time, and forgets old ones. All replicas of a
// store may have one: only one of them gets a rotation through. Its changes
// stand in the audit log as RotateReceiptKeys of the server. Thread-safe.
class ReceiptKeyKeeper {
 public:
  // Neither is owned; both must outlive this.
  ReceiptKeyKeeper(MutationRunner& runner, const ReceiptEngine& engine,
                   absl::Duration rotate_every)
      : runner_(runner), engine_(engine), rotate_every_(rotate_every) {}
  // Waits for what a Tick began: until the disk has it, or has failed.
  ~ReceiptKeyKeeper();

  ReceiptKeyKeeper(const ReceiptKeyKeeper&) = delete;
  ReceiptKeyKeeper& operator=(const ReceiptKeyKeeper&) = delete;

  // To be called every now and then: begins what is due, and does not wait for
  // the disk. Does nothing while the Tick before is under way. What fails is
  // tried again by the next one.
  void Tick();

 private:
  void Ended();

  MutationRunner& runner_;
  const ReceiptEngine& engine_;
  const absl::Duration rotate_every_;
  Mutex mutex_;
  CondVar ended_;
  bool under_way_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace cofactor::services

#endif  // COFACTOR_SERVICES_RECEIPTS_RECEIPT_KEY_KEEPER_H_
