#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "traces/assert.hpp"
#include "traces/file.hpp"
#include "traces/file_format.hpp"
#include "traces/reflection.hpp"

namespace traces {

using namespace file_format;

struct TraceReader::Input {
  explicit Input(std::unique_ptr<std::istream> from)
      : stream(std::move(from)), context(ZSTD_createDCtx()) {
    HVSIM_ASSERT(context != nullptr, "zstd has no memory");
  }
  ~Input() { ZSTD_freeDCtx(context); }
  Input(const Input&) = delete;

  std::unique_ptr<std::istream> stream;
  ZSTD_DCtx* context;
};

struct TraceReader::Chunk {
  std::uint64_t offset = 0;  ///< of its first byte in the file
  std::uint8_t kind = 0;
  std::uint32_t raw = 0;
  std::vector<std::byte> content;

  std::uint64_t content_offset() const { return offset + kChunkHeadSize; }
};

TraceReader::TraceReader(const std::string& path) : name_(path) {
  // A pipe has no end that could be waited for. What is no file at all says so itself.
  std::error_code ignored;
  const auto kind = std::filesystem::status(path, ignored).type();
  if (kind == std::filesystem::file_type::fifo || kind == std::filesystem::file_type::socket ||
      kind == std::filesystem::file_type::character) {
    throw TraceError(path, "is not a plain file; a file written by --trace would be right");
  }
  errno = 0;
  auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*file) throw TraceError(path, "cannot be opened: " + std::generic_category().message(errno));
  input_ = std::make_unique<Input>(std::move(file));
  open();
}

TraceReader::TraceReader(std::unique_ptr<std::istream> input, std::string name)
    : name_(std::move(name)), input_(std::make_unique<Input>(std::move(input))) {
  open();
}

TraceReader::~TraceReader() = default;

void TraceReader::fail(std::uint64_t offset, const std::string& text) const {
  throw TraceError(name_, offset, text);
}

/// Reads in steps, so that memory grows with what the file holds and not with what it claims.
void TraceReader::read_exactly(std::size_t count, std::vector<std::byte>& bytes, const char* what) {
  constexpr std::size_t kStep = 1024 * 1024;
  bytes.clear();
  while (bytes.size() < count) {
    const std::size_t at = bytes.size();
    const std::size_t step = std::min(kStep, count - at);
    bytes.resize(at + step);
    input_->stream->read(reinterpret_cast<char*>(bytes.data() + at),
                         static_cast<std::streamsize>(step));
    const auto got = static_cast<std::size_t>(input_->stream->gcount());
    offset_ += got;
    if (got == step) continue;
    if (input_->stream->bad()) fail(offset_, "cannot be read; a regular file would be right");
    fail(offset_, std::string("file ends within ") + what +
                      "; a complete trace ends with its footer: the run did not finish or the "
                      "file was cut");
  }
}

void TraceReader::open() {
  std::vector<std::byte> bytes;
  read_exactly(kMagic.size(), bytes, "the first 8 bytes");
  if (!std::equal(bytes.begin(), bytes.end(), std::as_bytes(std::span(kMagic)).begin())) {
    fail(0, "not a trace of hvsim; a file written by --trace would be right");
  }
  read_exactly(kPrologueSize - kMagic.size(), bytes, "the schema's version and digest");
  ByteCursor cursor(bytes);
  std::uint32_t version = 0;
  Digest digest;
  cursor.get_u32(version);
  cursor.get_digest(digest);
  if (version != kSchemaVersion) {
    fail(kMagic.size(), "trace has schema version " + std::to_string(version) +
                            "; this build reads version " + std::to_string(kSchemaVersion));
  }
  if (digest != schema_digest()) {
    fail(kMagic.size() + 4,
         "trace was written with other events under the same schema version; "
         "a build of the same source would be right");
  }
  const Chunk chunk = read_chunk();
  if (chunk.kind != kHeaderChunk) fail(chunk.offset, "no header where the header should be");
  ByteCursor content(chunk.content);
  const std::string problem = decode_header(content, header_);
  if (!problem.empty()) fail(chunk.content_offset() + content.position(), problem);
}

TraceReader::Chunk TraceReader::read_chunk() {
  Chunk chunk;
  chunk.offset = offset_;
  std::vector<std::byte> head;
  read_exactly(kChunkHeadSize, head, "the head of a chunk");
  ByteCursor cursor(head);
  std::uint32_t stored = 0;
  std::uint64_t checksum = 0;
  cursor.get_u8(chunk.kind);
  cursor.get_u32(stored);
  cursor.get_u32(chunk.raw);
  cursor.get_u64(checksum);
  if (chunk.kind != kHeaderChunk && chunk.kind != kEventChunk && chunk.kind != kFooterChunk) {
    fail(chunk.offset,
         "chunk of unknown kind " + std::to_string(chunk.kind) + "; the file is damaged");
  }
  const std::size_t bound = ZSTD_compressBound(kMaxChunk);
  if (stored > bound || chunk.raw > kMaxChunk) {
    fail(chunk.offset + 1, "chunk of " + std::to_string(std::max(stored, chunk.raw)) +
                               " bytes; at most " + std::to_string(kMaxChunk) +
                               " would be right: the file is damaged");
  }
  read_exactly(stored, chunk.content, "a chunk");
  if (chunk_checksum(chunk.offset, chunk.kind, stored, chunk.raw, chunk.content) != checksum) {
    fail(chunk.offset, "checksum of the chunk does not match; the file is damaged");
  }
  if (chunk.kind != kEventChunk && chunk.raw != stored) {
    fail(chunk.offset + 5, "header and footer are stored as they are; equal sizes would be right");
  }
  return chunk;
}

void TraceReader::open_frame(const Chunk& chunk) {
  frame_offset_ = chunk.offset;
  frame_.resize(chunk.raw);
  const std::size_t size = ZSTD_decompressDCtx(input_->context, frame_.data(), frame_.size(),
                                               chunk.content.data(), chunk.content.size());
  if (ZSTD_isError(size) || size != chunk.raw || size == 0) {
    fail(chunk.content_offset(), "chunk does not decompress to " + std::to_string(chunk.raw) +
                                     " bytes; the file is damaged");
  }
  cursor_ = ByteCursor(frame_);
  decoder_.reset(0);
  ++chunks_;
}

void TraceReader::account(const Event& event) {
  const int level = info(event.type).level;
  if (event.index < next_index_) fail(frame_offset_, "index of an event goes backwards");
  if (level != 0 && !header_.detail) {
    fail(frame_offset_, "detail in a trace whose header says that it has none");
  }
  next_index_ = event.index + 1;
  ++seen_.events;
  ++seen_.counts[static_cast<std::size_t>(event.type)];
  if (level != 0) return;
  ++seen_.level0_events;
  hash_.add(event);
}

const Event* TraceReader::next() {
  while (!ended_ && cursor_.at_end()) {
    const Chunk chunk = read_chunk();
    if (chunk.kind == kHeaderChunk)
      fail(chunk.offset,
           "second header; events or the footer "
           "would be right");
    if (chunk.kind == kFooterChunk) {
      end(chunk);
    } else {
      open_frame(chunk);
    }
  }
  if (ended_) return nullptr;
  const std::size_t at = cursor_.position();
  const Event* event = decoder_.decode(cursor_);
  if (event == nullptr) {
    fail(frame_offset_, "event at byte " + std::to_string(at) +
                            " of the decompressed chunk: " + decoder_.problem());
  }
  account(*event);
  return event;
}

void TraceReader::end(const Chunk& chunk) {
  ByteCursor content(chunk.content);
  std::uint64_t chunks = 0;
  const std::string problem = decode_footer(content, footer_, chunks);
  if (!problem.empty()) fail(chunk.content_offset() + content.position(), problem);
  seen_.hash = hash_.value();
  if (footer_.hash != seen_.hash) {
    fail(chunk.content_offset(), "hash of the events is not the one in the footer");
  }
  if (footer_ != seen_ || chunks != chunks_) {
    fail(chunk.content_offset(), "footer counts " + std::to_string(footer_.events) + " events in " +
                                     std::to_string(chunks) + " chunks; " +
                                     std::to_string(seen_.events) + " in " +
                                     std::to_string(chunks_) + " would be right");
  }
  if (input_->stream->peek() != std::istream::traits_type::eof()) {
    fail(offset_, "file goes on behind its footer");
  }
  ended_ = true;
}

void TraceReader::read_all(Observer& observer) {
  while (const Event* event = next()) observer.on_event(*event);
}

}  // namespace traces
