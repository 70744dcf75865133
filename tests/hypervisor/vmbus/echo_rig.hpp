// A machine with two echo devices, and how its guest gets to an open channel.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tests/hypervisor/vmbus/machine.hpp"

namespace test {

struct EchoRig {
  explicit EchoRig(std::set<std::string, std::less<>> plants = {}, vmbus::ServerConfig config = {},
                   std::vector<vmbus::Version> versions = vmbus::guest::BusConfig{}.versions)
      : world(std::move(plants)), machine(world, "host", guest, 1, config, std::move(versions)) {
    machine.server->add_device("echo", echo);
    machine.server->add_device("second", second);
  }
  void connect() {
    machine.boot();
    guest.bus->connect();
    world.run();
  }
  void open() {
    connect();
    guest.bus->open(1, {16}, 4, 4);
    world.run();
  }
  bool send(const std::string& text, std::uint64_t transaction = 1, bool completion = true) {
    const auto payload = bytes_of(text);
    vmbus::PacketOut out;
    out.completion_requested = completion;
    out.transaction = transaction;
    out.payload = payload;
    return guest.bus->send(1, out);
  }
  /// A packet whose doorbell falls on a quiesced server, which then goes on.
  void host_hears_nothing() {
    machine.host.spawn("quiesce", 0, machine.server->quiesce());
    run_for_a_while();
    send("unheard.", 1);
    run_for_a_while();
    machine.server->resume();
    run_for_a_while();
  }
  void run_for_a_while() { world.run_for({1'000'000}); }

  World world;
  Guest guest;
  EchoDevice echo{1}, second{2};
  Machine machine;
};

}  // namespace test
