// Guest memory and guest code as people read them: hexdump and disassembly.
#include <fmt/format.h>

#include <array>
#include <optional>

#include "scenarios/debug/inspect_machine.hpp"
#include "scenarios/language/source.hpp"
#include "scenarios/language/units.hpp"
#include "sim/cpu/disassembler.hpp"

namespace debugger {

using scenarios::UserError;

namespace {

constexpr std::uint64_t kMostBytes = 1 << 16;
constexpr std::uint64_t kMostInstructions = 1000;
constexpr std::size_t kLongestInstruction = 15;

/// One byte as the guest would read it, overlay pages on top; nothing where no memory is.
class GuestBytes {
 public:
  GuestBytes(hv::Partition& partition, const sim::Cpu* cpu, bool linear)
      : partition_(partition), cpu_(cpu), linear_(linear) {}

  std::optional<std::byte> at(std::uint64_t address) const {
    sim::Gpa gpa{address};
    if (linear_) {
      const auto translated = cpu_->translate(address);
      if (!translated) return std::nullopt;
      gpa = *translated;
    }
    const auto entry = partition_.gpa_map().lookup(sim::page_of(gpa));
    if (!entry) return std::nullopt;
    std::array<std::byte, 1> byte;
    partition_.memory().read(entry->frame, sim::offset_in_page(gpa), byte);
    return byte[0];
  }

 private:
  hv::Partition& partition_;
  const sim::Cpu* cpu_;
  bool linear_;
};

std::uint64_t address_of(const std::string& text) {
  std::size_t used = 0;
  try {
    const std::uint64_t value = std::stoull(text, &used, 16);
    if (used == text.size() && text.front() != '-' && text.front() != '+') return value;
  } catch (const std::exception&) {
  }
  throw UserError("`" + text + "` is no address; write it in hex, with or without 0x");
}

std::uint64_t count_of(const Words& words, std::size_t place, std::uint64_t normal,
                       std::uint64_t most) {
  if (words.size() <= place) return normal;
  auto count = scenarios::parse_count(words[place]);
  if (!count) count = scenarios::parse_size(words[place]);
  if (!count || *count == 0 || *count > most) {
    throw UserError("`" + words[place] + "` is no count from 1 to " + std::to_string(most));
  }
  return *count;
}

std::string dump_line(const GuestBytes& bytes, std::uint64_t address, std::uint64_t count) {
  std::string line = fmt::format("{:016x} ", address);
  std::string letters;
  for (std::uint64_t i = 0; i < 16; ++i) {
    if (i == 8) line += ' ';
    if (i >= count) {
      line += "   ";
      continue;
    }
    const auto byte = bytes.at(address + i);
    line += byte ? fmt::format(" {:02x}", static_cast<unsigned>(*byte)) : " --";
    const char letter = byte ? static_cast<char>(*byte) : ' ';
    letters += letter >= 0x20 && letter < 0x7F ? letter : '.';
  }
  return line + "  |" + letters + "|\n";
}

/// 16, 32 or 64, from mode and code segment (QEMU's flags: bit 21 is L, bit 22 is D).
unsigned bits_of(const sim::CpuRegisters& registers) {
  constexpr std::uint64_t kProtected = 1;
  constexpr std::uint64_t kLongActive = 1 << 10;
  if ((registers.cr0 & kProtected) == 0) return 16;
  if ((registers.efer & kLongActive) != 0 && (registers.cs.attributes >> 21 & 1) != 0) return 64;
  return (registers.cs.attributes >> 22 & 1) != 0 ? 32 : 16;
}

}  // namespace

std::string dump_memory(const View& view, const Words& words) {
  if (words.size() < 3 || (words[1] != "gpa" && words[1] != "gva")) {
    throw UserError("write: memory VM gpa|gva ADDRESS [BYTES] [VP]");
  }
  hv::Partition& partition = partition_of(view, words[0]);
  const bool linear = words[1] == "gva";
  const sim::Cpu* cpu = linear ? vp_of(partition, words, 4).cpu() : nullptr;
  if (linear && cpu == nullptr) {
    throw UserError("a model guest has no page tables; give a physical address (gpa)");
  }
  const GuestBytes bytes(partition, cpu, linear);
  const std::uint64_t address = address_of(words[2]);
  const std::uint64_t count = count_of(words, 3, 64, kMostBytes);
  std::string text;
  for (std::uint64_t done = 0; done < count; done += 16) {
    text += dump_line(bytes, address + done, count - done);
  }
  return text;
}

std::string disassemble(const View& view, const Words& words) {
  if (words.empty()) throw UserError("write: disassemble VM [VP] [COUNT]");
  hv::Partition& partition = partition_of(view, words[0]);
  const sim::Cpu* cpu = vp_of(partition, words, 1).cpu();
  if (cpu == nullptr) throw UserError("a model guest has no instructions");
  const std::uint64_t count = count_of(words, 2, 8, kMostInstructions);
  const sim::CpuRegisters registers = cpu->registers();
  const unsigned bits = bits_of(registers);
  const GuestBytes bytes(partition, cpu, true);
  const std::uint64_t start = registers.rip + (bits == 64 ? 0 : registers.cs.base);
  std::vector<std::byte> code;
  while (code.size() < count * kLongestInstruction) {
    const auto byte = bytes.at(start + code.size());
    if (!byte) break;
    code.push_back(*byte);
  }
  if (code.empty()) return fmt::format("no memory is mapped at {:#x}\n", start);
  const std::string all = sim::disassemble(code, start, bits);
  std::string text;
  std::size_t from = 0;
  for (std::uint64_t line = 0; line < count && from < all.size(); ++line) {
    const std::size_t end = std::min(all.find('\n', from), all.size());
    text += (line == 0 ? "=> " : "   ") + all.substr(from, end - from) + "\n";
    from = end + 1;
  }
  return text;
}

}  // namespace debugger
