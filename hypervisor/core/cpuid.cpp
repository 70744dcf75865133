#include "hypervisor/core/cpuid.hpp"

#include <cstring>
#include <string_view>

#include "hypervisor/core/msrs.hpp"

namespace hv {
namespace {

using sim::CpuidResult;

constexpr std::uint32_t kMaxBasic = 0xB;
constexpr std::uint32_t kMaxHypervisor = 0x4000'0006;
constexpr std::uint32_t kMaxExtended = 0x8000'0008;
constexpr std::uint32_t kSignature = 0x0001'06A1;  // family 6, model 26, stepping 1
constexpr std::uint32_t kRelaxedTiming = 1u << 5;
constexpr std::uint32_t kNeverSpin = 0xFFFF'FFFF;
constexpr std::uint32_t kApicOverlayAssist = 1u << 0;
constexpr std::uint32_t kMsrBitmaps = 1u << 1;
constexpr std::uint32_t kSlat = 1u << 3;

/// What the leaves say of a generation (spec B.1, A16, A19).
struct Facts {
  std::uint32_t major, minor, build;
  std::uint32_t vps;  ///< most of a partition
  std::uint32_t lps;  ///< most of a host
  bool slat;
};

constexpr Facts facts_of(Generation generation) {
  switch (generation) {
    case Generation::Ws2008:
      return {6, 0, 6002, 4, 16, false};
    case Generation::Ws2008R2:
      return {6, 1, 7601, 4, 64, true};
    case Generation::Ws2012:
      return {6, 2, 9200, 64, 320, true};
    case Generation::Current:
      break;
  }
  return {10, 0, 20348, 64, 320, true};
}

// Leaf 1 and 0x80000001, by bit number.
constexpr std::uint32_t bits(std::initializer_list<unsigned> numbers) {
  std::uint32_t result = 0;
  for (unsigned number : numbers) result |= 1u << number;
  return result;
}
// FPU DE PSE TSC MSR PAE CX8 APIC SEP PGE CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2
constexpr std::uint32_t kLeaf1Edx =
    bits({0, 2, 3, 4, 5, 6, 8, 9, 11, 13, 15, 16, 17, 19, 23, 24, 25, 26});
constexpr std::uint32_t kHtt = 1u << 28;
// SSE3 SSSE3 CX16 SSE4.1 SSE4.2 x2APIC POPCNT, hypervisor present
constexpr std::uint32_t kLeaf1Ecx = bits({0, 9, 13, 19, 20, 21, 23, 31});
constexpr std::uint32_t kExtendedEcx = bits({0});           // LAHF
constexpr std::uint32_t kExtendedEdx = bits({11, 20, 29});  // SYSCALL NX LM
constexpr std::uint32_t kAddressBits = 48u << 8 | 40;       // linear, physical

std::uint32_t text4(std::string_view text, std::size_t at) {
  char part[4] = {};
  if (at < text.size())
    std::memcpy(part, text.data() + at, std::min<std::size_t>(4, text.size() - at));
  return static_cast<std::uint32_t>(static_cast<unsigned char>(part[0])) |
         static_cast<std::uint32_t>(static_cast<unsigned char>(part[1])) << 8 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(part[2])) << 16 |
         static_cast<std::uint32_t>(static_cast<unsigned char>(part[3])) << 24;
}

CpuidResult hypervisor_leaf(const CpuidContext& context, std::uint32_t leaf) {
  const Privileges& privileges = context.config.privileges;
  const Facts facts = facts_of(context.config.generation);
  switch (leaf) {
    case 0x4000'0000:
      return {kMaxHypervisor, 0x7263'694D, 0x666F'736F, 0x7648'2074};
    case 0x4000'0001:
      return {0x3123'7648, 0, 0, 0};  // "Hv#1"
    case 0x4000'0002:
      if (!context.guest_identified) return {};
      return {facts.build, facts.major << 16 | facts.minor, 0, 0};
    case 0x4000'0003: {
      const std::uint32_t served = privileges.msr & privilege::kServedMsrs;
      std::uint32_t features = privileges.features & privilege::kDirectTimers;
      if ((served & privilege::kFrequencyMsrs) != 0) features |= privilege::kFrequencyMsrsValid;
      // EBX bit 12 would make a guest take itself for the root partition (spec B.1).
      return {served, privileges.hypercall & ~privilege::kCpuManagement, 0, features};
    }
    case 0x4000'0004:
      return {kRelaxedTiming, kNeverSpin, 0, 0};
    case 0x4000'0005:
      return {facts.vps, facts.lps, 0, 0};
    case 0x4000'0006:
      return {kApicOverlayAssist | kMsrBitmaps | (facts.slat ? kSlat : 0), 0, 0, 0};
    default:
      return {};
  }
}

CpuidResult topology(const CpuidContext& context, std::uint32_t subleaf) {
  const std::uint32_t id = context.vp.value;
  std::uint32_t shift = 0;
  while ((1u << shift) < context.config.vp_count) ++shift;
  if (subleaf == 0) return {0, 1, 1u << 8, id};                                // threads
  if (subleaf == 1) return {shift, context.config.vp_count, 2u << 8 | 1, id};  // cores
  return {0, 0, subleaf, id};
}

CpuidResult basic_leaf(const CpuidContext& context, std::uint32_t leaf, std::uint32_t subleaf) {
  constexpr std::string_view kVendor = "GenuineIntel";
  switch (leaf) {
    case 0:
      return {kMaxBasic, text4(kVendor, 0), text4(kVendor, 8), text4(kVendor, 4)};
    case 1: {
      const std::uint32_t vps = context.config.vp_count;
      const std::uint32_t ebx = context.vp.value << 24 | (vps & 0xFF) << 16 | 8u << 8;
      return {kSignature, ebx, kLeaf1Ecx, kLeaf1Edx | (vps > 1 ? kHtt : 0)};
    }
    case 0xB:
      return topology(context, subleaf);
    default:
      return {};
  }
}

CpuidResult extended_leaf(std::uint32_t leaf) {
  constexpr std::string_view kBrand = "hvsim virtual processor";
  switch (leaf) {
    case 0x8000'0000:
      return {kMaxExtended, 0, 0, 0};
    case 0x8000'0001:
      return {0, 0, kExtendedEcx, kExtendedEdx};
    case 0x8000'0002:
    case 0x8000'0003:
    case 0x8000'0004: {
      const std::size_t at = 16 * (leaf - 0x8000'0002);
      return {text4(kBrand, at), text4(kBrand, at + 4), text4(kBrand, at + 8),
              text4(kBrand, at + 12)};
    }
    case 0x8000'0008:
      return {kAddressBits, 0, 0, 0};
    default:
      return {};
  }
}

}  // namespace

CpuidResult guest_cpuid(const CpuidContext& context, std::uint32_t leaf, std::uint32_t subleaf) {
  if (leaf >= 0x8000'0000) return extended_leaf(leaf);
  if (leaf >= 0x4000'0000) return hypervisor_leaf(context, leaf);
  return basic_leaf(context, leaf, subleaf);
}

}  // namespace hv
