#include "hypervisor/vmbus/ring.hpp"

#include <algorithm>
#include <cstring>

#include "hypervisor/vmbus/packet_format.hpp"
#include "hypervisor/vmbus/ranges.hpp"
#include "traces/assert.hpp"
#include "traces/digest.hpp"

namespace vmbus {
namespace {

using protocol::PacketDescriptor;

constexpr std::uint32_t kHeaderBytes = 4096;
constexpr std::uint32_t kPendingSupported = 1;

std::uint32_t load(const RingMemory& memory, std::uint32_t offset) {
  std::uint32_t value = 0;
  memory.read(offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void store(RingMemory& memory, std::uint32_t offset, std::uint32_t value) {
  memory.write(offset, std::as_bytes(std::span(&value, 1)));
}

/// `position` may be anything below twice the size; the bytes wrap.
void read_data(const RingMemory& memory, std::uint32_t position, std::span<std::byte> out) {
  const std::uint32_t size = memory.data_bytes();
  position %= size;
  const std::size_t head = std::min<std::size_t>(out.size(), size - position);
  memory.read(kHeaderBytes + position, out.first(head));
  if (head < out.size()) memory.read(kHeaderBytes, out.subspan(head));
}

void write_data(RingMemory& memory, std::uint32_t position, std::span<const std::byte> data) {
  const std::uint32_t size = memory.data_bytes();
  position %= size;
  const std::size_t head = std::min<std::size_t>(data.size(), size - position);
  memory.write(kHeaderBytes + position, data.first(head));
  if (head < data.size()) memory.write(kHeaderBytes, data.subspan(head));
}

bool valid_index(std::uint32_t index, std::uint32_t size) { return index < size && index % 8 == 0; }

/// Bytes written and not yet read. Both indices must be valid.
std::uint32_t used_bytes(std::uint32_t write, std::uint32_t read, std::uint32_t size) {
  return write >= read ? write - read : size - read + write;
}

/// One less than the size can be in use, in units of 8: a full ring would look empty.
bool fits(std::uint32_t need, std::uint32_t used, std::uint32_t size) {
  return need <= size - 8 - used;
}

std::size_t round_up8(std::size_t bytes) { return (bytes + 7) & ~std::size_t{7}; }

std::size_t header_bytes(const PacketOut& packet) {
  std::size_t bytes = sizeof(PacketDescriptor);
  if (packet.type == PacketType::DataUsingGpaDirect) {
    bytes += sizeof(protocol::GpaDirectHeader);
    for (const GpaRange& range : packet.ranges) bytes += 8 + range.pfns.size() * 8;
  } else if (packet.type == PacketType::DataUsingTransferPages) {
    bytes += sizeof(protocol::TransferPagesHeader) + packet.ranges.size() * 8;
  }
  return bytes;
}

template <class T>
void append(std::vector<std::byte>& out, const T& value) {
  auto bytes = std::as_bytes(std::span(&value, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Descriptor, ranges, payload, padding and trailer.
std::vector<std::byte> encode(const PacketOut& packet, const protocol::PacketTrailer& trailer) {
  const std::size_t head = header_bytes(packet);
  const std::size_t total = round_up8(head + packet.payload.size());
  HVSIM_ASSERT(total / 8 <= UINT16_MAX, "a packet's length is counted in 16 bits");
  std::vector<std::byte> out;
  out.reserve(total + sizeof(trailer));
  PacketDescriptor descriptor;
  descriptor.type = static_cast<std::uint16_t>(packet.type);
  descriptor.offset8 = static_cast<std::uint16_t>(head / 8);
  descriptor.length8 = static_cast<std::uint16_t>(total / 8);
  descriptor.flags = packet.completion_requested ? protocol::kCompletionRequested : 0;
  descriptor.transaction = packet.transaction;
  append(out, descriptor);
  const auto count = static_cast<std::uint32_t>(packet.ranges.size());
  if (packet.type == PacketType::DataUsingGpaDirect) {
    append(out, protocol::GpaDirectHeader{0, count});
    append_ranges(out, packet.ranges);
  } else if (packet.type == PacketType::DataUsingTransferPages) {
    append(out, protocol::TransferPagesHeader{packet.pageset, 0, 0, count});
    for (const GpaRange& range : packet.ranges) {
      append(out, range.bytes);
      append(out, range.offset);
    }
  }
  out.insert(out.end(), packet.payload.begin(), packet.payload.end());
  out.resize(total);
  append(out, trailer);
  return out;
}

bool decode_transfer_pages(std::span<const std::byte> area, Packet& packet) {
  protocol::TransferPagesHeader header;
  if (area.size() < sizeof(header)) return false;
  std::memcpy(&header, area.data(), sizeof(header));
  area = area.subspan(sizeof(header));
  if (header.range_count > area.size() / 8) return false;
  packet.pageset = header.pageset;
  for (std::uint32_t i = 0; i < header.range_count; ++i) {
    GpaRange range;
    std::memcpy(&range.bytes, area.data() + 8 * std::size_t{i}, 4);
    std::memcpy(&range.offset, area.data() + 8 * std::size_t{i} + 4, 4);
    packet.ranges.push_back(std::move(range));
  }
  return true;
}

bool decode_gpa_direct(std::span<const std::byte> area, Packet& packet) {
  protocol::GpaDirectHeader header;
  if (area.size() < sizeof(header)) return false;
  std::memcpy(&header, area.data(), sizeof(header));
  auto ranges = parse_ranges(area.subspan(sizeof(header)), header.range_count, nullptr);
  if (!ranges) return false;
  packet.ranges = std::move(*ranges);
  return true;
}

/// `bytes` is a private copy of a whole packet, its descriptor already checked against its length.
std::optional<Packet> decode(std::span<const std::byte> bytes, const PacketDescriptor& descriptor) {
  Packet packet;
  packet.type = static_cast<PacketType>(descriptor.type);
  packet.completion_requested = (descriptor.flags & protocol::kCompletionRequested) != 0;
  packet.transaction = descriptor.transaction;
  const std::size_t start = std::size_t{descriptor.offset8} * 8;
  const auto area = bytes.first(start).subspan(sizeof(PacketDescriptor));
  switch (packet.type) {
    case PacketType::DataInband:
    case PacketType::Completion:
      break;
    case PacketType::DataUsingTransferPages:
      if (!decode_transfer_pages(area, packet)) return std::nullopt;
      break;
    case PacketType::DataUsingGpaDirect:
      if (!decode_gpa_direct(area, packet)) return std::nullopt;
      break;
    default:
      return std::nullopt;
  }
  packet.payload.assign(bytes.begin() + static_cast<std::ptrdiff_t>(start), bytes.end());
  return packet;
}

}  // namespace

std::uint32_t ring_bytes(const PacketOut& packet) {
  return static_cast<std::uint32_t>(round_up8(header_bytes(packet) + packet.payload.size())) +
         protocol::kTrailerBytes;
}

RingWriter::Written RingWriter::write(const PacketOut& packet) {
  Written result;
  const std::uint32_t size = memory_.data_bytes();
  const std::uint32_t start = load(memory_, ring_header::kWriteIndex);
  std::uint32_t read = load(memory_, ring_header::kReadIndex);
  if (!valid_index(start, size) || !valid_index(read, size)) {
    result.error = RingError::BadIndex;
    return result;
  }
  const std::uint32_t need = ring_bytes(packet);
  HVSIM_ASSERT(need <= size - 8, "a packet must fit into the empty ring");

  if (!fits(need, used_bytes(start, read, size), size)) {
    // Announce the need first and look again: the reader may have made room in between, and then
    // it has not seen the announcement (spec C.5, flow control).
    store(memory_, ring_header::kPendingSendSize, need);
    read = load(memory_, ring_header::kReadIndex);
    if (!valid_index(read, size)) {
      result.error = RingError::BadIndex;
      return result;
    }
    if (!fits(need, used_bytes(start, read, size), size)) return result;
  }
  // A stale announcement would make the reader signal for nothing.
  if (load(memory_, ring_header::kPendingSendSize) != 0) {
    store(memory_, ring_header::kPendingSendSize, 0);
  }

  protocol::PacketTrailer trailer{0, start};
  if (plants_ != nullptr && plants_->plant("vmbus.wrong-trailer")) trailer.start = start + 8;
  result.start = start;
  result.end = (start + need) % size;
  if (start + need == size && plants_ != nullptr && plants_->plant("vmbus.write-index-at-end")) {
    result.end = size;
  }
  const std::vector<std::byte> bytes = encode(packet, trailer);
  const auto body = std::span(bytes).first(bytes.size() - sizeof(trailer));
  if (plants_ != nullptr && plants_->plant("vmbus.publishes-early")) {
    write_data(memory_, start, body);
    store(memory_, ring_header::kWriteIndex, result.end);
  }
  const bool wraps = start + bytes.size() > size;
  const bool cut = wraps && plants_ != nullptr && plants_->plant("vmbus.write-loses-wrapped-tail");
  write_data(memory_, start, std::span(bytes).first(cut ? size - start : bytes.size()));
  result.fits = true;
  result.hash = traces::hash64_of(body);
  result.check = publish(result.start, result.end);
  return result;
}

SignalCheck RingWriter::publish(std::uint32_t start, std::uint32_t end) {
  store(memory_, ring_header::kWriteIndex, end);
  SignalCheck check;
  check.old_index = start;
  check.mask = load(memory_, ring_header::kInterruptMask);
  check.other_index = load(memory_, ring_header::kReadIndex);
  check.signal = check.mask == 0 && check.other_index == start;
  if (plants_ != nullptr) {
    if (check.signal && plants_->plant("vmbus.forgets-signal")) check.signal = false;
    if (!check.signal && plants_->plant("vmbus.extra-signal")) check.signal = true;
  }
  return check;
}

RingReader::Read RingReader::read() {
  Read result;
  const std::uint32_t size = memory_.data_bytes();
  const std::uint32_t start = load(memory_, ring_header::kReadIndex);
  const std::uint32_t write = load(memory_, ring_header::kWriteIndex);
  result.start = result.end = start;
  if (!valid_index(start, size) || !valid_index(write, size)) {
    result.error = RingError::BadIndex;
    return result;
  }
  const std::uint32_t used = used_bytes(write, start, size);
  if (used == 0) return result;

  result.error = RingError::BadDescriptor;
  PacketDescriptor descriptor;
  if (used < sizeof(descriptor) + protocol::kTrailerBytes) return result;
  read_data(memory_, start, std::as_writable_bytes(std::span(&descriptor, 1)));
  const std::uint32_t length = std::uint32_t{descriptor.length8} * 8;
  if (descriptor.offset8 < sizeof(descriptor) / 8 || descriptor.length8 < descriptor.offset8 ||
      length + protocol::kTrailerBytes > used) {
    return result;
  }
  std::vector<std::byte> bytes(length);
  const bool wraps = start + length > size;
  const bool cut = wraps && plants_ != nullptr && plants_->plant("vmbus.read-loses-wrapped-tail");
  read_data(memory_, start, std::span(bytes).first(cut ? size - start : length));
  // The copy is what counts: the guest may have changed the descriptor between the two reads.
  std::memcpy(bytes.data(), &descriptor, sizeof(descriptor));
  result.packet = decode(bytes, descriptor);
  if (!result.packet) return result;

  result.error = RingError::None;
  result.hash = traces::hash64_of(bytes);
  const std::uint32_t next = start + length + protocol::kTrailerBytes;
  result.end = next % size;
  if (next == size && plants_ != nullptr && plants_->plant("vmbus.read-index-at-end")) {
    result.end = size;
  }
  result.check = publish(result.start, result.end);
  return result;
}

SignalCheck RingReader::publish(std::uint32_t start, std::uint32_t end) {
  const std::uint32_t size = memory_.data_bytes();
  store(memory_, ring_header::kReadIndex, end);
  SignalCheck check;
  check.old_index = start;
  if ((load(memory_, ring_header::kFeatureBits) & kPendingSupported) != 0) {
    check.pending = load(memory_, ring_header::kPendingSendSize);
  }
  check.other_index = load(memory_, ring_header::kWriteIndex);
  if (check.pending != 0 && valid_index(check.other_index, size)) {
    const std::uint32_t free_before = size - used_bytes(check.other_index, start, size);
    const std::uint32_t free_after = size - used_bytes(check.other_index, end, size);
    check.signal = free_before <= check.pending && free_after > check.pending;
  }
  return check;
}

void RingReader::mask() { store(memory_, ring_header::kInterruptMask, 1); }

bool RingReader::unmask() {
  if (plants_ != nullptr && plants_->plant("vmbus.forgets-unmask")) return false;
  store(memory_, ring_header::kInterruptMask, 0);
  return load(memory_, ring_header::kWriteIndex) != load(memory_, ring_header::kReadIndex);
}

}  // namespace vmbus
