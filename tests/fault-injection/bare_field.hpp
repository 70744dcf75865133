// A field with nothing on it, for tests that need only a part of one, and how they strike.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "fault-injection/catalogue.hpp"

namespace faults::testing {

class BareField : public Field {
 public:
  sim::World& world() override { throw nothing(); }
  sim::Network& network() override { throw nothing(); }
  std::vector<std::string> links_of(std::string_view) override { throw nothing(); }
  std::vector<std::string> hosts_of(std::string_view) override { throw nothing(); }
  std::string link_of(std::string_view, std::string_view) override { throw nothing(); }
  sim::Node* host(std::string_view) override { throw nothing(); }
  sim::SharedDisk* storage(std::string_view) override { throw nothing(); }
  sim::SharedDisk* system_disk(std::string_view) override { throw nothing(); }
  sim::Node& actor() override { throw nothing(); }
  std::uint32_t vm(std::string_view) override { throw nothing(); }
  management::Installation& installation() override { throw nothing(); }

 private:
  static std::logic_error nothing() { return std::logic_error("not on this field"); }
};

inline Strike at(const std::string& target, std::int64_t amount = 0, const std::string& from = "",
                 const std::string& to = "") {
  Strike strike;
  strike.target = target;
  strike.from = from;
  strike.to = to;
  strike.amount = amount;
  return strike;
}

}  // namespace faults::testing
