#include "sim/cpu/disassembler.hpp"

#include <capstone/capstone.h>

#include <cstdio>

#include "traces/assert.hpp"

namespace sim {

namespace {

/// A Capstone handle and room for one instruction.
class Decoder {
 public:
  explicit Decoder(unsigned bits) {
    HVSIM_ASSERT(bits == 16 || bits == 32 || bits == 64, "code has 16, 32 or 64 bits");
    const cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    if (cs_open(CS_ARCH_X86, mode, &handle_) == CS_ERR_OK) instruction_ = cs_malloc(handle_);
  }
  ~Decoder() {
    if (!instruction_) return;
    cs_free(instruction_, 1);
    cs_close(&handle_);
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  /// The next instruction, taken off `code`; nullptr when there is none.
  const cs_insn* next(std::span<const std::byte>& code, std::uint64_t& address) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(code.data());
    std::size_t size = code.size();
    if (!instruction_ || !cs_disasm_iter(handle_, &bytes, &size, &address, instruction_)) {
      return nullptr;
    }
    code = code.last(size);
    return instruction_;
  }

 private:
  csh handle_ = 0;
  cs_insn* instruction_ = nullptr;
};

std::string text_of(const cs_insn& instruction) {
  std::string text = instruction.mnemonic;
  if (instruction.op_str[0]) text += std::string(" ") + instruction.op_str;
  return text;
}

std::string hex(std::uint64_t value, int digits) {
  char text[24];
  std::snprintf(text, sizeof text, "%0*llx", digits, static_cast<unsigned long long>(value));
  return text;
}

}  // namespace

std::string disassemble(std::span<const std::byte> code, std::uint64_t address, unsigned bits) {
  constexpr std::size_t kByteColumn = 24;
  Decoder decoder(bits);
  std::string all;
  while (!code.empty()) {
    const cs_insn* instruction = decoder.next(code, address);
    std::string bytes;
    if (!instruction) {
      all += hex(address, 16) + "  " + hex(std::to_integer<unsigned>(code[0]), 2) + "  (bad)\n";
      break;
    }
    for (std::size_t i = 0; i < instruction->size; ++i) bytes += hex(instruction->bytes[i], 2);
    if (bytes.size() < kByteColumn) bytes.resize(kByteColumn, ' ');
    all += hex(instruction->address, 16) + "  " + bytes + "  " + text_of(*instruction) + "\n";
  }
  return all;
}

std::string disassemble_one(std::span<const std::byte> code, std::uint64_t address, unsigned bits) {
  Decoder decoder(bits);
  const cs_insn* instruction = decoder.next(code, address);
  return instruction ? text_of(*instruction) : "(bad)";
}

}  // namespace sim
