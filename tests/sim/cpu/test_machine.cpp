#include "tests/sim/cpu/test_machine.hpp"

#include <sys/mman.h>

#include <stdexcept>
#include <utility>

namespace cpu_test {

namespace {

constexpr std::uint64_t kFrames = kPages + kFrameShift;
constexpr std::uint64_t kDirectory = kTables + 0x2000, kLeaves = kTables + 0x4000;

sim::CpuConfig config_of(std::byte* storage) { return {storage, kFrames, 0}; }

}  // namespace

TestMachine::TestMachine(std::uint64_t translated_bytes) {
  void* memory = mmap(nullptr, kFrames * 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("no memory for a test machine");
  storage_ = static_cast<std::byte*>(memory);
  sim::CpuConfig config = config_of(storage_);
  config.translated_bytes = translated_bytes;
  cpu_ = sim::make_unicorn_cpu(config, *this);
  build_tables();
  enter_long_mode();
}

TestMachine::~TestMachine() {
  cpu_.reset();
  munmap(storage_, kFrames * 4096);
}

void TestMachine::load(const Program& program, std::uint64_t where) {
  const auto bytes = program.bytes();
  std::memcpy(at(where), bytes.data(), bytes.size());
}

void TestMachine::load(std::initializer_list<int> bytes, std::uint64_t where) {
  for (const int byte : bytes) *at(where++) = static_cast<std::byte>(byte);
}

void TestMachine::build_tables() {
  // 16 MiB, one to one, in pages of 4 KiB; the MMIO page at 4 GiB as a large page.
  constexpr std::uint64_t kAll = kPresent | kWritable | kUser;
  write(kTables, (kTables + 0x1000) | kAll);
  write(kTables + 0x1000, kDirectory | kAll);
  write(kTables + 0x1000 + 8 * 4, (kTables + 0x3000) | kAll);
  write(kTables + 0x3000, kMmio | kPresent | kWritable | kLarge);
  for (std::uint64_t i = 0; i < 8; ++i) write(kDirectory + 8 * i, (kLeaves + 4096 * i) | kAll);
  for (std::uint64_t i = 0; i < kPages; ++i) write(kLeaves + 8 * i, (i * 4096) | kAll);
  const std::uint64_t gdt[] = {0,
                               0x00af9b000000ffff,
                               0x00cf93000000ffff,
                               0x00cff3000000ffff,
                               0x00affb000000ffff,
                               0x0000890000000067 | (kTss & 0xffffff) << 16,
                               0,
                               0x00cf9b000000ffff};
  for (std::size_t i = 0; i < std::size(gdt); ++i) write(kGdt + 8 * i, gdt[i]);
  write(kTss + 4, kStackTop);
  for (std::uint64_t ist = 1; ist <= 7; ++ist) write(kTss + 0x1c + 8 * ist, kIstTop);
  write(kTss + 0x66, 0x68, 2);
}

void TestMachine::enter_long_mode(std::uint64_t rip) {
  sim::CpuRegisters r;
  r.rip = rip;
  r.gpr[4] = kStackTop;
  r.cr0 = 0x80010033;
  r.cr3 = kTables;
  r.cr4 = 0x620;
  r.efer = 0xd01;
  r.cs = {kKernelCode, 0, 0xffffffff, 0x00af9b00};
  const sim::Segment data{kKernelData, 0, 0xffffffff, 0x00cf9300};
  r.ss = r.ds = r.es = r.fs = r.gs = data;
  r.ldtr = {0, 0, 0, 0x8200};
  r.tr = {kTaskSelector, kTss, 0x67, 0x8b00};
  r.gdt_base = kGdt;
  r.gdt_limit = 8 * 8 - 1;
  r.idt_base = kIdt;
  r.idt_limit = 0xfff;
  cpu_->set_registers(r);
}

void TestMachine::replace_cpu() {
  const auto state = cpu_->save();
  cpu_.reset();
  cpu_ = sim::make_unicorn_cpu(config_of(storage_), *this);
  if (!cpu_->restore(state)) throw std::runtime_error("a saved state was refused");
}

std::uint64_t TestMachine::read(std::uint64_t gpa, unsigned bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, at(gpa), bytes);
  return value;
}
void TestMachine::write(std::uint64_t gpa, std::uint64_t value, unsigned bytes) {
  std::memcpy(at(gpa), &value, bytes);
}

std::uint64_t TestMachine::entry_of(std::uint64_t linear) const {
  return const_cast<TestMachine*>(this)->read(kLeaves + 8 * (linear >> 12));
}
void TestMachine::set_entry(std::uint64_t linear, std::uint64_t value) {
  write(kLeaves + 8 * (linear >> 12), value);
  cpu_->forget_code(sim::Frame{(kLeaves + 8 * (linear >> 12)) / 4096 + kFrameShift});
}

void TestMachine::set_gate(unsigned vector, std::uint64_t handler, unsigned dpl, unsigned ist) {
  const std::uint64_t low = (handler & 0xffff) | std::uint64_t{kKernelCode} << 16 |
                            std::uint64_t{ist} << 32 | std::uint64_t{0x8e | dpl << 5} << 40 |
                            ((handler >> 16) & 0xffff) << 48;
  write(kIdt + 16 * vector, low);
  write(kIdt + 16 * vector + 8, handler >> 32);
}

std::uint64_t TestMachine::ram_hash() const {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (std::uint64_t i = 0; i < kFrames * 512; ++i) {
    std::uint64_t word;
    std::memcpy(&word, storage_ + 8 * i, 8);
    if (word) hash = ((hash ^ word) * 0x100000001b3 + i) ^ (hash >> 29);
  }
  return hash;
}

void TestMachine::forget_reports() {
  stored.clear();
  ++generation;
}

std::uint64_t TestMachine::record(std::string what, std::uint64_t a, std::uint64_t b,
                                  std::uint64_t c) {
  Event event{std::move(what), a, b, c, cpu_->executed()};
  events.push_back(event);
  if (on_event) on_event(event);
  return answer ? answer(event) : 0;
}

sim::PhysicalPage TestMachine::page(sim::Gpfn gpfn, sim::Access) {
  using Kind = sim::PhysicalPage::Kind;
  sim::PhysicalPage page;
  const auto known = pages.find(gpfn.value);
  if (known != pages.end()) {
    page = known->second;
  } else if (gpfn.value < kPages) {
    page.kind = Kind::Ram;
    page.frame = sim::Frame{gpfn.value + kFrameShift};
    page.rights = {true, true, true};
  } else if (gpfn.value == kMmio / 4096) {
    page.kind = Kind::Mmio;
  }
  if (page.kind == Kind::Ram && report_stores)
    page.report_store = !stored.contains(page.frame.value);
  return page;
}

void TestMachine::page_stored(sim::Frame frame) {
  if (!stored.insert(frame.value).second) throw std::logic_error("a page was reported twice");
}
void TestMachine::memory_intercept(sim::Gpa gpa, std::uint64_t linear, sim::Access access) {
  record("intercept", gpa.value, linear, static_cast<std::uint64_t>(access));
}
std::uint32_t TestMachine::port_in(std::uint16_t port, unsigned bytes) {
  return static_cast<std::uint32_t>(record("in", port, bytes));
}
void TestMachine::port_out(std::uint16_t port, unsigned bytes, std::uint32_t value) {
  record("out", port, bytes, value);
}
std::uint64_t TestMachine::mmio_read(sim::Gpa gpa, unsigned bytes) {
  return record("load", gpa.value, bytes);
}
void TestMachine::mmio_write(sim::Gpa gpa, unsigned bytes, std::uint64_t value) {
  record("store", gpa.value, bytes, value);
}
std::optional<std::uint64_t> TestMachine::rdmsr(std::uint32_t msr) {
  const std::uint64_t value = record("rdmsr", msr);
  if (msr >= 0x4000'0000 && msr < 0x4000'0100) return value;
  return std::nullopt;
}
bool TestMachine::wrmsr(std::uint32_t msr, std::uint64_t value) {
  record("wrmsr", msr, value);
  return msr >= 0x4000'0000 && msr < 0x4000'0100;
}
sim::CpuidResult TestMachine::cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  record("cpuid", leaf, subleaf);
  return {leaf + 1, leaf + 2, subleaf + 3, subleaf + 4};
}
void TestMachine::hypercall(sim::HypercallRegisters& registers) {
  record("hypercall", registers.rcx, registers.rdx, registers.r8);
  if (on_hypercall) on_hypercall(registers);
}
std::uint64_t TestMachine::tsc() { return cpu_->executed() * 3 + 1000; }
std::optional<std::uint8_t> TestMachine::acknowledge_interrupt() {
  if (interrupts.empty()) return std::nullopt;
  const std::uint8_t vector = interrupts.back();
  interrupts.pop_back();
  if (interrupts.empty()) cpu_->set_interrupt_line(false);
  record("acknowledge", vector);
  return vector;
}
void TestMachine::write_cr8(std::uint64_t value) {
  cr8 = value;
  record("cr8", value);
}

}  // namespace cpu_test
