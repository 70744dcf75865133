// Where the fields of the library's structures lie: Unicorn 2.0.1.post1, x86-64 target, Debian 12.
//
// The library offers no interface to these. `um_self_check` proves the ones that can be proved by
// writing through the public interface; the build pins the archive's SHA-256 (spec unicorn 2).
#pragma once

#include <cstddef>
#include <cstdint>

namespace sim::unicorn {

/// The field of type T at byte `offset` of a library structure.
template <class T>
inline T& field(void* base, std::size_t offset) {
  return *reinterpret_cast<T*>(static_cast<std::byte*>(base) + offset);
}
template <class T>
inline const T& field(const void* base, std::size_t offset) {
  return *reinterpret_cast<const T*>(static_cast<const std::byte*>(base) + offset);
}

namespace engine {  // struct uc_struct
constexpr std::size_t kStopInterrupt = 200, kCpu = 384, kTcg = 704, kInvalidError = 1328;
constexpr std::size_t kExits = 1336, kMappedBlocks = 1864, kUserData = 1880;
constexpr std::size_t kNoExitChecks = 1930, kNesting = 14736;
}  // namespace engine

namespace cpu {  // struct CPUState; the x86 environment follows at kEnv
constexpr std::size_t kExitRequest = 21, kNextFlags = 24, kInterruptRequest = 28, kEnvPointer = 296;
constexpr std::size_t kJumpCache = 312, kHalted = 33176, kCanDoIo = 33180, kException = 33184;
constexpr std::size_t kEngine = 33192, kTlb = 33216, kEnv = 34640;
}  // namespace cpu

namespace tlb {  // CPUTLB: three modes, each with a table and its description
constexpr int kModes = 3, kVictims = 8;
constexpr std::size_t kDirty = 0, kDesc = 32, kDescSize = 440, kFast = 1360, kFastSize = 16;
constexpr std::size_t kUsed = 32, kVictimIndex = 40, kVictimTable = 48, kVictimIo = 304;
constexpr std::size_t kIo = 432, kMask = 0, kTable = 8;
struct Entry {
  std::uint64_t read, write, code, addend;
};
struct IoEntry {
  std::uint64_t address;
  std::uint64_t attributes;
};
constexpr std::uint64_t kInvalid = 2048, kNotDirty = 1024;
constexpr int kKernelSmap = 0, kUser = 1, kKernelPlain = 2;
constexpr int kLoad = 0, kStore = 1, kFetch = 2;
constexpr int kReadable = 1, kWritable = 2, kExecutable = 4;
}  // namespace tlb

namespace env {  // struct CPUX86State
constexpr std::size_t kGpr = 0, kRip = 128, kFlags = 136, kCcDst = 144, kCcSrc = 152;
constexpr std::size_t kCcSrc2 = 160, kCcOp = 168, kDf = 172, kHidden = 176, kHidden2 = 180;
constexpr std::size_t kSegments = 184, kLdt = 328, kTr = 352, kGdt = 376, kIdt = 400, kCr = 424;
constexpr std::size_t kA20 = 464, kEfer = 560, kFpuTop = 572, kFpuStatus = 576, kFpuControl = 578;
constexpr std::size_t kFpuTags = 580, kFpuRegs = 592, kFpuOp = 720, kFpuCs = 722, kFpuDs = 724;
constexpr std::size_t kFpuIp = 728, kFpuDp = 736, kFpuMode = 744, kMmxMode = 768, kSseMode = 776;
constexpr std::size_t kModeFlags = 2;  // within a mode: the raised exceptions
constexpr std::size_t kMxcsr = 784, kXmm = 792, kXmmStride = 64;
constexpr std::size_t kSysenterCs = 4768, kSysenterEsp = 4776, kSysenterEip = 4784, kStar = 4792;
constexpr std::size_t kLstar = 4808, kCstar = 4816, kFmask = 4824, kKernelGs = 4832;
// Two fields of the TSC MSRs, which this library never uses, hold the instruction budget.
constexpr std::size_t kBudget = 4848, kShort = 4856;
constexpr std::size_t kTscAux = 4864, kXcr0 = 4872, kPat = 5248, kErrorCode = 5352;
constexpr std::size_t kIsInt = 5356, kNextRip = 5360, kDr = 5368, kOldException = 5464;
constexpr std::size_t kTpr = 5524, kRetaddr = 5528, kEndOfReset = 5536, kVendor = 5584;
constexpr std::size_t kFeatures = 5600, kUc = 6968, kSize = 6976;
struct Segment {
  std::uint32_t selector;
  std::uint32_t unused;
  std::uint64_t base;
  std::uint32_t limit;
  std::uint32_t flags;
};
static_assert(sizeof(Segment) == 24);
}  // namespace env

namespace block {  // struct TranslationBlock
constexpr std::size_t kPc = 0, kCsBase = 8, kSize = 20, kCount = 22, kFlags = 24;
constexpr std::size_t kHostCode = 32, kHostSize = 40;
constexpr std::uint32_t kLastIo = 0x8000;
constexpr int kMaxInstructions = 512;
}  // namespace block

/// struct DisasContextBase, the head of the translator's own state.
struct TranslatorState {
  void* block;
  std::uint64_t pc_first, pc_next;
  std::uint32_t ending;
  std::int32_t instructions, max_instructions;
  bool single_step;
};
constexpr std::uint32_t kGoesOn = 0, kEndsHere = 1;

/// struct TranslatorOps: the x86 front end.
struct TranslatorOps {
  void (*init)(TranslatorState*, void* cpu);
  void (*block_start)(TranslatorState*, void* cpu);
  void (*instruction_start)(TranslatorState*, void* cpu);
  bool (*breakpoint)(TranslatorState*, void* cpu, const void*);
  void (*instruction)(TranslatorState*, void* cpu);
  void (*block_stop)(TranslatorState*, void* cpu);
};

namespace code {  // TCGContext, TCGOp and operation numbers
constexpr std::size_t kEnvTemp = 39152, kOpCount = 56, kOps = 29576, kOpArgs = 24, kEngine = 39280;
constexpr std::size_t kBuffer = 0xa0, kBufferBytes = 0xb8, kNext = 0xc0, kHighWater = 0xd0;
constexpr std::size_t kRegionStart = 0x98f8, kRegionEnd = 0x9908, kRegions = 0x9910;
constexpr std::size_t kRegionBytes = 0x9918, kRegionsTaken = 0x9928;
constexpr std::uint32_t kSetLabel = 1, kLoad64 = 73, kStore64 = 77, kAdd64 = 78;
constexpr std::uint32_t kSub64 = 79, kMove64 = 64;
constexpr int kLess = 2, kType64 = 1, kExitRequested = 3, kMaxOps = 4000;
}  // namespace code

namespace hidden {  // hflags
constexpr std::uint32_t kCpl = 3, kInhibit = 8, kPe = 128, kLma = 1u << 14, kCs64 = 1u << 15;
constexpr std::uint32_t kOsfxsr = 1u << 22, kSmap = 1u << 23;
constexpr std::uint32_t kGif = 1;  // hflags2
}  // namespace hidden

namespace feature {
constexpr int k1Edx = 0, k1Ecx = 1, k7Ebx = 2, kExt1Edx = 6, kExt1Ecx = 7;
constexpr int kWords = 34;
}  // namespace feature

constexpr int kExitInterrupt = 0x10000;
constexpr int kLineHard = 2, kLineExitBlock = 4;
constexpr std::uint32_t kCcOpEflags = 1;

}  // namespace sim::unicorn
