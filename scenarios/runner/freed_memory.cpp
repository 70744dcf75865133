#include "scenarios/runner/freed_memory.hpp"

#include <malloc.h>

namespace scenarios {

void keep_freed_memory() {
  constexpr int kMostKept = 256 << 20;
  constexpr int kLargestBlock = 32 << 20;  // as much as the library lets us ask for
  constexpr int kGrowth = 4 << 20;
  ::mallopt(M_TRIM_THRESHOLD, kMostKept);
  ::mallopt(M_MMAP_THRESHOLD, kLargestBlock);
  ::mallopt(M_TOP_PAD, kGrowth);
}

}  // namespace scenarios
