// For tests: a driver with two devices, of which the first reaches the second, and an NCCL.
#include <cstddef>
#include <cstring>

extern "C" {
int cuInit(unsigned) { return 0; }
int cuDriverGetVersion(int* version) {
  *version = 12040;
  return 0;
}
int cuDeviceGetCount(int* count) {
  *count = 2;
  return 0;
}
int cuDeviceGetName(char* name, int length, int device) {
  std::strncpy(name, device == 0 ? "First" : "Second", static_cast<size_t>(length));
  return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  *bytes = (device == 0 ? size_t{80} : size_t{40}) << 30;
  return 0;
}
int cuDeviceCanAccessPeer(int* reaches, int device, int other) {
  *reaches = device == 0 && other == 1 ? 1 : 0;
  return 0;
}
int ncclGetVersion(int* version) {
  *version = 21805;
  return 0;
}
}
