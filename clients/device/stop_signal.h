#ifndef COFACTOR_CLIENTS_DEVICE_STOP_SIGNAL_H_
#define COFACTOR_CLIENTS_DEVICE_STOP_SIGNAL_H_

namespace cofactor::device {

// Turns SIGINT, SIGTERM and SIGHUP into something to poll for, from then on. To
// be made before there are threads. Thread-compatible.
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // Readable once a signal came.
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace cofactor::device

#endif  // COFACTOR_CLIENTS_DEVICE_STOP_SIGNAL_H_
