// Assertions for programmers' mistakes. They stay on in release builds: a simulator that goes on
// after a broken assumption reports nonsense as results (design §6).
#pragma once

namespace traces {

/// Prints one line and aborts; the command line turns it into exit code 70.
[[noreturn]] void assertion_failed(const char* condition, const char* text, const char* file,
                                   int line);

}  // namespace traces

#define HVSIM_ASSERT(condition, text)                                               \
  (static_cast<bool>(condition)                                                     \
       ? void(0)                                                                    \
       : ::traces::assertion_failed(#condition, text, __FILE__, __LINE__))
