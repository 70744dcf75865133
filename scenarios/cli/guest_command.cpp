// hvsim guest run: one VM with its console on the terminal, the quickest way to look at a kernel.
#include <fmt/format.h>

#include <charconv>
#include <iostream>
#include <memory>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "scenarios/language/units.hpp"
#include "scenarios/language/words.hpp"
#include "scenarios/runner/simulation.hpp"
#include "traces/events.hpp"

namespace cli {

namespace {

namespace ev = traces::ev;
using scenarios::UserError;

struct GuestArguments {
  std::string kernel;
  std::string initrd;
  std::string append = "console=ttyS0 panic=-1";
  std::string memory = "256MiB";
  std::string limit = "60s";
  std::uint64_t seed = 1;
};

/// The guest's lines as they come, and how it ended.
class Console final : public traces::Observer {
 public:
  static traces::EventSet events() {
    traces::EventSet set;
    set.set(static_cast<std::size_t>(ev::GuestLog::kType));
    set.set(static_cast<std::size_t>(ev::VmState::kType));
    return set;
  }
  void on_event(const traces::Event& event) override {
    if (const auto* log = event.as<ev::GuestLog>()) {
      std::cout << log->line << std::endl;
    } else if (const auto* state = event.as<ev::VmState>()) {
      if (state->state == traces::VmState::Running) started_ = true;
      if (!started_ || state->state != traces::VmState::Off) return;
      ended_ = true;
      why_ = state->reason;
    }
  }
  bool ended() const { return ended_; }
  const std::string& why() const { return why_; }

 private:
  bool started_ = false, ended_ = false;
  std::string why_;
};

scenarios::Scenario scenario_of(const GuestArguments& arguments) {
  const auto memory = scenarios::parse_size(arguments.memory);
  if (!memory || *memory < 1 << 20) {
    throw UserError("--memory " + arguments.memory + ": is not a size such as 256MiB");
  }
  const auto limit = scenarios::parse_duration(arguments.limit);
  if (!limit || limit->ns <= 0) {
    throw UserError("--limit " + arguments.limit + ": is not a duration such as 60s");
  }
  scenarios::Scenario scenario;
  scenario.name = "guest";
  scenario.platform = "current";
  scenario.seed = arguments.seed;
  scenario.end = sim::Time{} + *limit;
  scenario.hosts.emplace_back().name = "host";
  scenario.hosts.back().memory_bytes = *memory;
  scenarios::VmSpec& vm = scenario.vms.emplace_back();
  vm.name = "guest";
  vm.host = "host";
  vm.memory_bytes = *memory;
  vm.guest.kernel = arguments.kernel;
  vm.guest.initrd = arguments.initrd;
  vm.guest.command_line = arguments.append;
  vm.guest.place.file = "hvsim guest run";
  return scenario;
}

/// A guest that ended itself by isa-debug-exit ends this command with its code.
int code_of(const std::string& why) {
  constexpr std::string_view kMark = "with code ";
  const std::size_t at = why.find(kMark);
  if (at == std::string::npos) return kAllHold;
  int code = 0;
  std::from_chars(why.data() + at + kMark.size(), why.data() + why.size(), code);
  return code & 0xFF;
}

int run(const GuestArguments& arguments) {
  const scenarios::Scenario scenario = scenario_of(arguments);
  scenarios::require_images(scenario);
  scenarios::SimulationOptions options;
  options.seed = arguments.seed;
  options.detail = false;
  scenarios::Simulation simulation(scenario, options);
  Console console;
  simulation.recorder().attach(console, Console::events());
  constexpr sim::Duration kStep{10'000'000};
  sim::Time until = sim::Time{} + kStep;
  while (simulation.run_until(until) && !console.ended()) until = until + kStep;
  if (!console.ended()) {
    std::cerr << "hvsim: the guest still ran after " << arguments.limit
              << " of its time; a longer --limit lets it go on\n";
    return kUndecided;
  }
  std::cerr << "hvsim: " << console.why() << "\n";
  return code_of(console.why());
}

}  // namespace

void add_guest(Command root) {
  Command guest = root.command("guest", "start a kernel by itself");
  Command command = guest.command("run", "boot one VM with its serial console on the terminal");
  auto arguments = std::make_shared<GuestArguments>();
  GuestArguments& a = *arguments;
  command
      .argument("KERNEL", a.kernel,
                "a kernel (bzImage, vmlinux, multiboot), or a name in the image folder")
      .option("--initrd", a.initrd, "its initial RAM disk or module")
      .option("--append", a.append, "its command line")
      .option("--memory", a.memory, "the VM's memory")
      .option("--limit", a.limit, "virtual time after which it is stopped")
      .count("--seed", a.seed, "seed of the world");
  command.does([arguments] { return run(*arguments); });
}

}  // namespace cli
