// What one guest instruction costs on the Unicorn engine: a loop of eleven instructions with three
// loads and two stores, dirty reporting on. Prints nanoseconds of processor time per instruction;
// run_benchmarks.py holds them against QEMU's on the same loop.
//
//   bench_guest_loop MASK CLEAR    MASK: the walk, 0xfff or 0x3ffffff
//                                  CLEAR: forget the dirty log every so many instructions, 0: never
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "sim/cpu/cpu.hpp"
#include "sim/cpu/engine.hpp"
#include "traces/assert.hpp"

extern "C" const char guest_loop_begin[], guest_loop_end[];

namespace {

constexpr std::uint64_t kFrames = 65536;  // 256 MiB
constexpr std::uint64_t kCode = 0x100000, kTables = 0x200000, kData = 0x4000000;
constexpr std::uint64_t kPiece = 1'000'000;  // instructions between two returns to the host
constexpr std::uint64_t kWarmUp = 100'000'000, kMeasured = 400'000'000;

/// RAM one to one, a dirty log of one byte per page, and nothing else.
class LoopBus final : public sim::CpuBus {
 public:
  LoopBus() : dirty_(kFrames) {}
  void clear() {
    std::fill(dirty_.begin(), dirty_.end(), 0);
    ++generation_;
  }
  sim::PhysicalPage page(sim::Gpfn gpfn, sim::Access) override {
    sim::PhysicalPage page;
    if (gpfn.value >= kFrames) return page;
    page.kind = sim::PhysicalPage::Kind::Ram;
    page.frame = {gpfn.value};
    page.rights = {true, true, true};
    page.report_store = dirty_[gpfn.value] == 0;
    return page;
  }
  std::uint64_t map_generation() const override { return generation_; }
  void page_stored(sim::Frame frame) override { dirty_[frame.value] = 1; }
  void memory_intercept(sim::Gpa, std::uint64_t, sim::Access) override { unexpected(); }
  std::uint32_t port_in(std::uint16_t, unsigned) override { return unexpected(); }
  void port_out(std::uint16_t, unsigned, std::uint32_t) override { unexpected(); }
  std::uint64_t mmio_read(sim::Gpa, unsigned) override { return unexpected(); }
  void mmio_write(sim::Gpa, unsigned, std::uint64_t) override { unexpected(); }
  std::optional<std::uint64_t> rdmsr(std::uint32_t) override { return unexpected(); }
  bool wrmsr(std::uint32_t, std::uint64_t) override { return unexpected() != 0; }
  sim::CpuidResult cpuid(std::uint32_t, std::uint32_t) override { return {}; }
  void hypercall(sim::HypercallRegisters&) override { unexpected(); }
  std::uint64_t tsc() override { return 0; }  // asked for on the way in
  std::optional<std::uint8_t> acknowledge_interrupt() override { return std::nullopt; }
  void write_cr8(std::uint64_t) override {}
  std::uint64_t read_cr8() override { return 0; }

 private:
  static std::uint32_t unexpected() {
    HVSIM_ASSERT(false, "the loop asks for nothing but memory");
    return 0;
  }
  std::vector<unsigned char> dirty_;
  std::uint64_t generation_ = 1;
};

void put(std::byte* storage, std::uint64_t at, std::uint64_t value) {
  std::memcpy(storage + at, &value, sizeof value);
}

/// 256 MiB mapped one to one by 4 KiB pages, and the loop at kCode.
void fill(std::byte* storage) {
  constexpr std::uint64_t kRights = 7;
  put(storage, kTables, kTables + 0x1000 + kRights);
  put(storage, kTables + 0x1000, kTables + 0x2000 + kRights);
  for (std::uint64_t i = 0; i < 128; ++i) {
    put(storage, kTables + 0x2000 + 8 * i, kTables + 0x100000 + 4096 * i + kRights);
  }
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    put(storage, kTables + 0x100000 + 8 * i, 4096 * i + kRights);
  }
  std::memcpy(storage + kCode, guest_loop_begin,
              static_cast<std::size_t>(guest_loop_end - guest_loop_begin));
}

sim::CpuRegisters start(std::uint64_t mask) {
  sim::CpuRegisters registers;
  registers.rip = kCode;
  registers.cr0 = 0x80010033;
  registers.cr3 = kTables;
  registers.cr4 = 0x620;
  registers.efer = 0xd00;
  registers.cs = {8, 0, 0xffffffff, 0xaf9b00};
  registers.ss = registers.ds = registers.es = {16, 0, 0xffffffff, 0xcf9300};
  registers.tr = {0, 0, 0x67, 0x8b00};
  registers.gpr[1] = ~std::uint64_t{0} >> 1;
  registers.gpr[2] = kData;
  registers.gpr[10] = mask;
  return registers;
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: bench_guest_loop MASK CLEAR\n", stderr);
    return 2;
  }
  const std::uint64_t mask = std::strtoull(argv[1], nullptr, 0);
  const std::uint64_t clear = std::strtoull(argv[2], nullptr, 0);
  void* mapped = mmap(nullptr, kFrames * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  HVSIM_ASSERT(mapped != MAP_FAILED, "256 MiB can be mapped");
  auto* storage = static_cast<std::byte*>(mapped);
  fill(storage);
  LoopBus bus;
  const auto cpu = sim::make_unicorn_cpu({storage, kFrames, 0}, bus);
  cpu->set_registers(start(mask));
  const std::uint64_t warm = cpu->run(kWarmUp).instructions;
  std::uint64_t done = 0, since = 0;
  const double begun = processor_seconds();
  while (done < kMeasured) {
    const auto piece = cpu->run(kPiece);
    HVSIM_ASSERT(piece.reason == sim::StopReason::Limit, "the loop does not end");
    done += piece.instructions;
    since += piece.instructions;
    if (clear != 0 && since >= clear) {
      since = 0;
      bus.clear();
    }
  }
  const double took = processor_seconds() - begun;
  // The guest's own count: what the engine claims to have run was run.
  const std::uint64_t passes = start(mask).gpr[1] - cpu->registers().gpr[1];
  HVSIM_ASSERT(passes == (warm + done) / 11, "the guest counted other passes than the engine");
  std::printf("%.4f ns per instruction\n", took * 1e9 / static_cast<double>(done));
}
