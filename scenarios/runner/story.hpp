// The story of a run as a person wants it: virtual time, who, what happened, with figures. One line
// per event that matters; everything else is in the trace.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <set>
#include <string>

#include "traces/record.hpp"
#include "traces/text.hpp"

namespace scenarios {

class Story final : public traces::Observer {
 public:
  explicit Story(std::ostream& out) : out_(out) {}
  static traces::EventSet events();
  void on_event(const traces::Event& event) override;

 private:
  void line(const traces::Event& event, const std::string& text);
  std::string vm(std::uint32_t number) const;
  std::string node(std::uint32_t id) const;
  void migration(const traces::Event& event);
  void machine(const traces::Event& event);
  void trouble(const traces::Event& event);

  std::ostream& out_;
  traces::NodeNames nodes_;
  std::map<std::uint32_t, std::string> vms_;
  std::map<std::uint32_t, traces::Time> suspended_;
  std::set<std::string, std::less<>> invited_;  ///< points that took effect: told once each
};

/// "1.5 MiB", "312 B": for people, rounded to three digits.
std::string human_bytes(std::uint64_t bytes);

}  // namespace scenarios
