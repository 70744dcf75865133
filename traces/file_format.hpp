// What the trace writer and the trace reader share; the format itself is specified in file.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "traces/byte_buffer.hpp"
#include "traces/events.hpp"
#include "traces/file.hpp"

namespace traces::file_format {

inline constexpr std::string_view kMagic = "hvtrace\n";
inline constexpr std::size_t kPrologueSize = 8 + 4 + 16;
inline constexpr std::size_t kChunkHeadSize = 1 + 4 + 4 + 8;

inline constexpr std::uint8_t kHeaderChunk = 'H';
inline constexpr std::uint8_t kEventChunk = 'E';
inline constexpr std::uint8_t kFooterChunk = 'F';

/// A chunk of events is closed once it holds this much before compression.
inline constexpr std::size_t kFrameTarget = 256 * 1024;
/// No chunk is larger, stored or decompressed: a reader never allocates more than this on the word
/// of a file.
inline constexpr std::size_t kMaxChunk = 64 * 1024 * 1024;

Digest schema_digest();

std::uint64_t chunk_checksum(std::uint64_t offset, std::uint8_t kind, std::uint32_t stored,
                             std::uint32_t raw, Bytes content);

void encode_header(const TraceHeader& header, ByteBuffer& out);
void encode_footer(const TraceFooter& footer, std::uint64_t chunks, ByteBuffer& out);

/// Empty when the content is exactly one header or footer, else what is wrong with it.
std::string decode_header(ByteCursor& in, TraceHeader& header);
std::string decode_footer(ByteCursor& in, TraceFooter& footer, std::uint64_t& chunks);

}  // namespace traces::file_format
