// Machine code for people: exits, failures, traces and the debugger show it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sim {

/// The instructions of `code` in Intel syntax, one line each: address, bytes, text. `bits` is 16,
/// 32 or 64. What is not an instruction ends the text with a line that says so.
std::string disassemble(std::span<const std::byte> code, std::uint64_t address, unsigned bits);

/// The first instruction alone, as text without address ("mov rax, rbx"), "(bad)" if there is none.
std::string disassemble_one(std::span<const std::byte> code, std::uint64_t address, unsigned bits);

}  // namespace sim
