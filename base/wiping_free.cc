// Overwrites memory as it is freed, in the program that links this.
//
// Our own secrets are wiped as types (base/secret.h), but libraries copy them
// where no type of ours reaches, as gRPC the buffers of a call and protobuf the
// fields of a message. Without this they would stay readable in freed memory,
// and with it in a core dump or a swapped page, until something else comes to
// lie there. (M_PERTURB of glibc does not reach what its caches per thread
// hold.)
//
// It costs a memset of what is freed anyway. The sanitizers bring allocators of
// their own.

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(COFACTOR_NO_WIPING_FREE)

#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

extern "C" {

// The allocator of glibc, under the names that it keeps for this.
void __libc_free(void* memory);    // NOLINT
void* __libc_malloc(size_t size);  // NOLINT

// What is larger are tables and buffers of the store, which hold sealed values,
// and would cost pages that were never touched.
static constexpr size_t kMaxWiped = 256 * 1024;

void free(void* memory) {
  if (memory == nullptr) return;
  const size_t size = malloc_usable_size(memory);
  if (size <= kMaxWiped) {
    std::memset(memory, 0, size);
    // The memory is used, as far as the compiler can know.
    __asm__ __volatile__("" : : "r"(memory) : "memory");
  }
  __libc_free(memory);
}

void* realloc(void* memory, size_t size) {
  if (memory == nullptr) return __libc_malloc(size);
  if (size == 0) {
    free(memory);
    return nullptr;
  }
  const size_t old_size = malloc_usable_size(memory);
  // In place as long as it is not much too large.
  if (size <= old_size && size >= old_size / 2) return memory;
  void* moved = __libc_malloc(size);
  if (moved == nullptr) return nullptr;
  std::memcpy(moved, memory, std::min(size, old_size));
  free(memory);
  return moved;
}

}  // extern "C"

#endif
