#include "traces/file_format.hpp"

#include "traces/digest.hpp"
#include "traces/reflection.hpp"

namespace traces {

TraceError::TraceError(const std::string& file, std::uint64_t offset, const std::string& text)
    : std::runtime_error(file + ": byte " + std::to_string(offset) + ": " + text),
      offset_(offset) {}

TraceError::TraceError(const std::string& file, const std::string& text)
    : std::runtime_error(file + ": " + text) {}

EventSet event_types(bool detail) {
  EventSet set;
  for (const EventInfo& one : all_events()) {
    if (detail || one.level == 0) set.set(static_cast<std::size_t>(one.type));
  }
  return set;
}

namespace file_format {
namespace {

void append_list(const std::vector<std::string>& list, ByteBuffer& out) {
  out.append_varint(list.size());
  for (const std::string& one : list) out.append_text(one);
}

bool get_string(ByteCursor& in, std::string& to) {
  std::string_view text;
  if (!in.get_text(text)) return false;
  to = text;
  return true;
}

bool get_list(ByteCursor& in, std::vector<std::string>& list) {
  std::uint64_t count = 0;
  // Each text costs a byte at least, so a count beyond what is left is refused before any growth.
  if (!in.get_varint(count) || count > in.left()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!get_string(in, list.emplace_back())) return false;
  }
  return true;
}

bool get_inputs(ByteCursor& in, std::vector<TraceHeader::Input>& inputs) {
  std::uint64_t count = 0;
  if (!in.get_varint(count) || count > in.left()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    TraceHeader::Input& input = inputs.emplace_back();
    if (!get_string(in, input.name) || !in.get_digest(input.digest)) return false;
  }
  return true;
}

bool get_counts(ByteCursor& in, TraceFooter& footer) {
  std::uint64_t types = 0;
  if (!in.get_varint(types) || types > kEventTypeCount) return false;
  std::uint64_t least = 0;
  for (std::uint64_t i = 0; i < types; ++i) {
    std::uint64_t type = 0;
    std::uint64_t count = 0;
    if (!in.get_varint(type) || !in.get_varint(count)) return false;
    if (type < least || type >= kEventTypeCount || count == 0) return false;
    footer.counts[type] = count;
    least = type + 1;
  }
  return true;
}

}  // namespace

Digest schema_digest() { return digest_of(canonical_schema()); }

std::uint64_t chunk_checksum(std::uint64_t offset, std::uint8_t kind, std::uint32_t stored,
                             std::uint32_t raw, Bytes content) {
  ByteBuffer covered;
  covered.append_u64(offset);
  covered.append_u8(kind);
  covered.append_u32(stored);
  covered.append_u32(raw);
  covered.append(content);
  return hash64_of(covered.bytes());
}

void encode_header(const TraceHeader& header, ByteBuffer& out) {
  out.append_text(header.build_id);
  out.append_text(header.scenario_name);
  out.append_text(header.scenario);
  out.append_varint(header.seed);
  append_list(header.overrides, out);
  append_list(header.plants, out);
  append_list(header.decisions, out);
  out.append_varint(header.inputs.size());
  for (const TraceHeader::Input& input : header.inputs) {
    out.append_text(input.name);
    out.append_digest(input.digest);
  }
  out.append_u8(header.detail ? 1 : 0);
}

std::string decode_header(ByteCursor& in, TraceHeader& header) {
  std::uint8_t detail = 0;
  if (!get_string(in, header.build_id)) return "build id is malformed";
  if (!get_string(in, header.scenario_name)) return "scenario name is malformed";
  if (!get_string(in, header.scenario)) return "scenario text is malformed";
  if (!in.get_varint(header.seed)) return "seed is malformed";
  if (!get_list(in, header.overrides)) return "list of overrides is malformed";
  if (!get_list(in, header.plants)) return "list of plants is malformed";
  if (!get_list(in, header.decisions)) return "list of decisions is malformed";
  if (!get_inputs(in, header.inputs)) return "list of inputs is malformed";
  if (!in.get_u8(detail) || detail > 1) return "detail flag is malformed; 0 or 1 would be right";
  header.detail = detail == 1;
  return in.at_end() ? "" : "header goes on where it should end";
}

void encode_footer(const TraceFooter& footer, std::uint64_t chunks, ByteBuffer& out) {
  std::uint64_t types = 0;
  for (const std::uint64_t count : footer.counts) types += count != 0 ? 1 : 0;
  out.append_varint(chunks);
  out.append_varint(footer.events);
  out.append_varint(footer.level0_events);
  out.append_varint(types);
  for (std::size_t type = 0; type < kEventTypeCount; ++type) {
    if (footer.counts[type] == 0) continue;
    out.append_varint(type);
    out.append_varint(footer.counts[type]);
  }
  out.append_digest(footer.hash);
}

std::string decode_footer(ByteCursor& in, TraceFooter& footer, std::uint64_t& chunks) {
  if (!in.get_varint(chunks) || !in.get_varint(footer.events) ||
      !in.get_varint(footer.level0_events)) {
    return "counts are malformed";
  }
  if (!get_counts(in, footer)) return "counts per type are malformed";
  if (!in.get_digest(footer.hash)) return "hash of the run is malformed";
  return in.at_end() ? "" : "footer goes on where it should end";
}

}  // namespace file_format
}  // namespace traces
