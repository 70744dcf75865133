// The virtual switches of one host. Each is uplinked to the network of its name; it is made when
// the first VM here needs it, and ends with the host.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "hypervisor/vsp/virtual_switch.hpp"
#include "sim/net/network.hpp"

namespace migration {

class Switches {
 public:
  Switches(sim::Node& host, sim::Network& network) : host_(host), network_(network) {}

  vsp::VirtualSwitch& uplinked_to(const std::string& ethernet) {
    auto& found = switches_[ethernet];
    if (!found) {
      vsp::VirtualSwitchConfig config;
      config.name = ethernet;
      found = std::make_unique<vsp::VirtualSwitch>(host_, config);
      found->connect_uplink(network_, ethernet);
    }
    return *found;
  }

 private:
  sim::Node& host_;
  sim::Network& network_;
  std::map<std::string, std::unique_ptr<vsp::VirtualSwitch>> switches_;
};

}  // namespace migration
