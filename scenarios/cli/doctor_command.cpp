// hvsim doctor: which engines and real programs this machine has, and what is missing.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/report.hpp"
#include "sim/cpu/engine.hpp"

namespace cli {

namespace {

struct Program {
  const char* name;
  const char* what_for;
};

// Only the comparison in `./dev bench` and people's own looks need these; hvsim runs without.
constexpr Program kPrograms[] = {
    {"qemu-system-x86_64", "comparison figures of ./dev bench"},
    {"tshark", "reads captures, in tests too"},
    {"qemu-img", "reads disk images, in tests too"},
    {"gdb", "debugging hvsim itself"},
};

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::stringstream folders(path == nullptr ? "" : path);
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    const std::string full = folder + "/" + name;
    if (access(full.c_str(), X_OK) == 0) return full;
  }
  return "";
}

int doctor() {
  const std::string problem = sim::unicorn_self_check();
  std::cout << fmt::format("{:<24} {}\n", "engine unicorn", problem.empty() ? "ok" : problem);
  std::cout << fmt::format("{:<24} ok\n", "engine model");
  for (const Program& program : kPrograms) {
    const std::string where = find_program(program.name);
    std::cout << fmt::format("{:<24} {} ({})\n", program.name, where.empty() ? "missing" : where,
                             program.what_for);
  }
  return problem.empty() ? kAllHold : kWrongInput;
}

}  // namespace

void add_doctor(Command root) {
  root.command("doctor", "which engines and programs this machine has").does(doctor);
}

}  // namespace cli
