#include "traces/packet_capture.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace traces {
namespace {

constexpr NodeId kAlpha{2}, kBeta{3};
constexpr std::uint64_t kOnAlpha = 7, kOnBeta = 8;  // partitions of the VM
constexpr std::uint64_t kFirstMac = 0x00155D000100, kSecondMac = 0x00155D000101;
constexpr std::uint32_t kFirstRelid = 3, kSecondRelid = 4;

/// Writes down what it is told.
class Listener final : public PacketCapture {
 public:
  std::vector<std::string> nics, frames;

 private:
  void on_nic(const CapturedNic& nic) override { nics.push_back(nic.name() + "/" + nic.network); }
  void on_frame(const CapturedNic& nic, Time time, PacketDirection direction,
                std::span<const std::byte> data, std::string_view comment) override {
    std::string line = std::to_string(time.ns) + " " + nic.name();
    line += direction == PacketDirection::Outbound ? " out" : " in";
    line += " " + std::to_string(data.size());
    if (!comment.empty()) line += " (" + std::string(comment) + ")";
    frames.push_back(std::move(line));
  }
};

/// A VM with two adapters behind two other devices, on the first of two hosts.
class Capture : public ::testing::Test {
 protected:
  Capture() {
    recorder_.set_detail(true);
    recorder_.attach(listener_, PacketCapture::events());
    emit(kAlpha, ev::NodeAdded{"alpha", "host"});
    emit(kBeta, ev::NodeAdded{"beta", "host"});
    emit(kAlpha, ev::VmCreated{1, "web", 0, 0, ""});
    connect(kAlpha);
    for (std::uint32_t relid = 1; relid <= kSecondRelid; ++relid) {
      emit(kAlpha, ev::VmbusMessage{kOnAlpha, true, VmbusMessage::Offer, relid, 0, 0});
    }
  }

  template <class E>
  void emit(NodeId node, const E& event) {
    recorder_.emit(Time{++time_}, node, event);
  }
  void connect(NodeId host) {
    emit(host, ev::SwitchPort{"lan", 1, 1, kFirstMac, true});
    emit(host, ev::SwitchPort{"dmz", 2, 1, kSecondMac, true});
  }
  void sent(NodeId node, std::uint64_t partition, std::uint32_t relid) {
    ev::NicSent frame;
    frame.partition = partition;
    frame.relid = relid;
    frame.vm = 1;
    frame.data = bytes_;
    emit(node, frame);
  }
  void delivered(NodeId node, std::uint64_t partition, std::uint32_t relid) {
    ev::NicDelivered frame;
    frame.partition = partition;
    frame.relid = relid;
    frame.vm = 1;
    frame.data = bytes_;
    emit(node, frame);
  }

  Recorder recorder_;
  Listener listener_;

 private:
  std::int64_t time_ = 0;
  std::vector<std::byte> bytes_ = std::vector<std::byte>(60);
};

TEST_F(Capture, AdaptersAreTheVmsInTheirOrder) {
  EXPECT_EQ(listener_.nics, (std::vector<std::string>{"web.0/lan", "web.1/dmz"}));
}

TEST_F(Capture, FrameBelongsToItsAdapterWhicheverIsUsedFirst) {
  sent(kAlpha, kOnAlpha, kSecondRelid);
  delivered(kAlpha, kOnAlpha, kFirstRelid);
  EXPECT_EQ(listener_.frames, (std::vector<std::string>{"10 web.1 out 60 (web is on alpha)",
                                                        "11 web.0 in 60 (web is on alpha)"}));
}

TEST_F(Capture, GoesOnAcrossAMigrationAndSaysWhereTheVmIs) {
  sent(kAlpha, kOnAlpha, kFirstRelid);
  emit(kBeta, ev::VmCreated{1, "web", kOnBeta, 0, ""});
  connect(kBeta);  // the same adapters on another host
  sent(kBeta, kOnBeta, kFirstRelid);
  sent(kBeta, kOnBeta, kFirstRelid);
  EXPECT_EQ(listener_.nics.size(), 2u);
  EXPECT_EQ(listener_.frames,
            (std::vector<std::string>{"10 web.0 out 60 (web is on alpha)",
                                      "14 web.0 out 60 (web is on beta)", "15 web.0 out 60"}));
}

TEST_F(Capture, WhatBelongsToNoAdapterIsLeftOut) {
  sent(kAlpha, kOnAlpha, 1);
  EXPECT_EQ(listener_.frames, std::vector<std::string>{});
}

}  // namespace
}  // namespace traces
