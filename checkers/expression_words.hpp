// Inside of expression.hpp: an expression's text as words, and what numbers with units mean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/expression_tree.hpp"

namespace checkers {

enum class Token : std::uint8_t { End, Word, Number, Text, Sign };

struct Lexeme {
  Token token = Token::End;
  std::size_t offset = 0;
  std::string text;  ///< Text: without its quotes
};

/// Ends with Token::End. Throws ExpressionMistake.
std::vector<Lexeme> words_of(std::string_view text);

struct Measure {
  ValueKind kind = ValueKind::Number;  ///< or Size, in bytes, or Duration, in nanoseconds
  Integer number = 0;
};

/// `12`, `0x1f`, `64MiB`, `1.5ms`; nothing when it is none of these, or not exact.
std::optional<Measure> measure_of(std::string_view text);

}  // namespace checkers
