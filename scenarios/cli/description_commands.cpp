// hvsim completion and hvsim man.
#include <iostream>
#include <memory>
#include <string>

#include "scenarios/cli/commands.hpp"
#include "scenarios/cli/description.hpp"
#include "scenarios/cli/report.hpp"

namespace cli {

void add_completion(CommandLine& line) {
  auto shell = std::make_shared<std::string>();
  Command command = line.root().command("completion", "print a shell's completion script");
  command.argument_of("SHELL", *shell, {"bash", "zsh", "fish"}, "bash, zsh or fish");
  command.does([&line, shell] {
    std::cout << completion(line.describe(), *shell);
    return static_cast<int>(kAllHold);
  });
}

void add_man(CommandLine& line, const std::string& version) {
  line.root().command("man", "print the manual page: hvsim man | man -l -").does([&line, version] {
    std::cout << man_page(line.describe(), version);
    return static_cast<int>(kAllHold);
  });
}

}  // namespace cli
