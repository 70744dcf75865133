// Addresses and page numbers as types, so that a guest address can never be taken for a frame.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>

namespace sim {

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::uint64_t kPageShift = 12;

/// A number that only mixes with numbers of its own kind. `Tag` makes the kind.
template <class Tag>
struct Number {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Number, Number) = default;
  friend constexpr Number operator+(Number a, std::uint64_t n) { return {a.value + n}; }
  friend constexpr Number operator-(Number a, std::uint64_t n) { return {a.value - n}; }
  friend constexpr std::uint64_t operator-(Number a, Number b) { return a.value - b.value; }
  constexpr Number& operator++() {
    ++value;
    return *this;
  }
};

/// Guest physical address in bytes, as the guest's page tables and the hypercalls name it.
using Gpa = Number<struct GpaTag>;
/// Guest physical page frame number: Gpa >> 12.
using Gpfn = Number<struct GpfnTag>;
/// Index of a page of real storage in one GuestMemory. The partition's GPA map turns a Gpfn into a
/// Frame; overlay pages (TLFS 5.2.1, spec B.2) are frames that no Gpfn owns for good.
using Frame = Number<struct FrameTag>;

constexpr Gpfn page_of(Gpa gpa) { return {gpa.value >> kPageShift}; }
constexpr std::uint32_t offset_in_page(Gpa gpa) {
  return static_cast<std::uint32_t>(gpa.value & (kPageSize - 1));
}
constexpr Gpa base_of(Gpfn page) { return {page.value << kPageShift}; }

}  // namespace sim
