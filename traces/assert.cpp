#include "traces/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace traces {

void assertion_failed(const char* condition, const char* text, const char* file, int line) {
  std::fprintf(stderr, "hvsim: defect: %s (%s) at %s:%d\n", text, condition, file, line);
  std::fflush(stderr);
  std::abort();
}

}  // namespace traces
