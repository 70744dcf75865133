#include "hypervisor/vmbus/interrupt_page.hpp"

#include <array>
#include <span>

#include "hypervisor/vmbus/protocol.hpp"

namespace vmbus {

bool InterruptPage::lend(std::uint64_t gpa) {
  page_.reset();
  const sim::Gpfn page = sim::page_of(sim::Gpa{gpa});
  if (gpa == 0 || sim::offset_in_page(sim::Gpa{gpa}) != 0) return false;
  if (!partition_.gpa_map().ram(page)) return false;
  page_ = page;
  return true;
}

void InterruptPage::tell_guest(std::uint32_t relid) {
  // A guest that has put something else over its page hears nothing.
  const auto frame = page_ ? partition_.gpa_map().ram(*page_) : std::nullopt;
  if (!frame) return;
  std::array<std::byte, 1> bits;
  partition_.memory().read(*frame, relid / 8, bits);
  bits[0] |= std::byte{1} << relid % 8;
  partition_.memory().write(*frame, relid / 8, bits, traces::Writer::Host);
}

std::vector<std::uint32_t> InterruptPage::take_rung() {
  std::vector<std::uint32_t> rung;
  const auto frame = page_ ? partition_.gpa_map().ram(*page_) : std::nullopt;
  if (!frame) return rung;
  std::array<std::uint64_t, (protocol::kMaxRelid + 1) / 64> words;
  partition_.memory().read(*frame, protocol::kInterruptPageHalf,
                           std::as_writable_bytes(std::span(words)));
  for (std::uint32_t word = 0; word < words.size(); ++word) {
    if (words[word] == 0) continue;
    constexpr std::uint64_t kNone = 0;
    partition_.memory().write(*frame, protocol::kInterruptPageHalf + 8 * word,
                              std::as_bytes(std::span(&kNone, 1)), traces::Writer::Host);
    for (std::uint32_t bit = 0; bit < 64; ++bit) {
      if ((words[word] >> bit & 1) != 0) rung.push_back(64 * word + bit);
    }
  }
  return rung;
}

}  // namespace vmbus
