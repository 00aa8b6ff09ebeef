// There is no heap. The C library and mbedTLS name the allocator even where they never call it; what they get
// is one that has nothing, so that the image holds no other (check_allocation.py). Nothing is registered for
// an end of the program either: there is none.
#include <cstddef>

struct _reent;

extern "C" {

void* malloc(std::size_t) { return nullptr; }
void* calloc(std::size_t, std::size_t) { return nullptr; }
void* realloc(void*, std::size_t) { return nullptr; }
void free(void*) {}
void* _malloc_r(_reent*, std::size_t) { return nullptr; }
void* _calloc_r(_reent*, std::size_t, std::size_t) { return nullptr; }
void* _realloc_r(_reent*, void*, std::size_t) { return nullptr; }
void _free_r(_reent*, void*) {}

int atexit(void (*)()) { return 0; }
[[noreturn]] void exit(int) {
  for (;;) asm volatile("bkpt #0");  // a HardFault: the kernel's record and a reset
}

}  // extern "C"
