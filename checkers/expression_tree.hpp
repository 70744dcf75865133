// Inside of expression.hpp: the tree that reading makes and testing walks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "checkers/expression.hpp"

namespace checkers {

__extension__ using Integer = __int128;  // every u64 and i64, and room to notice overflow

enum class ValueKind : std::uint8_t { Truth, Number, Size, Duration, Text, Digest, Enum };

struct ValueType {
  ValueKind kind = ValueKind::Truth;
  const traces::EnumInfo* enumeration = nullptr;
  friend bool operator==(const ValueType&, const ValueType&) = default;
};

enum class Operator : std::uint8_t {
  Constant,
  Field,
  Time,
  Node,
  Or,
  And,
  Not,
  Equal,
  Unequal,
  Less,
  LessEqual,
  Greater,
  GreaterEqual,
  Add,
  Subtract,
  Multiply,
  Divide,
  Negate
};

constexpr int kSubject = -1;  // as the number of a captured event

struct Expression::Node {
  Operator what = Operator::Constant;
  ValueType type;
  Integer number = 0;    ///< Constant
  std::string text;      ///< Constant
  int event = kSubject;  ///< Field, Time, Node: whose
  const traces::FieldInfo* field = nullptr;
  std::unique_ptr<Node> left, right;
};

/// Throws ExpressionMistake.
std::unique_ptr<Expression::Node> read_expression(std::string_view text,
                                                  const ExpressionScope& scope);

}  // namespace checkers
