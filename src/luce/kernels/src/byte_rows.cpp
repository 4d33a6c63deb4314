#include "modules.hpp"

#include <cstdint>
#include <cstring>
#include <string>

namespace nb = nanobind;

namespace luce {
namespace {

// Reads {"rows": [[0, 255, ...], ...]}; each step returns false where the text is anything else.
class Reader {
 public:
  Reader(const char* text, size_t length) : at_(text), end_(text + length) {}

  bool rows(int64_t width, std::string& out) {
    if (!take('{') || !key() || !take(':') || !take('[')) return false;
    do {
      if (!row(width, out)) return false;
    } while (take(','));
    return take(']') && take('}') && (blanks(), at_ == end_);
  }

 private:
  void blanks() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  bool take(char wanted) {
    blanks();
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  bool key() {
    blanks();
    constexpr size_t length = 6;
    if (size_t(end_ - at_) < length || std::memcmp(at_, "\"rows\"", length) != 0) return false;
    at_ += length;
    return true;
  }

  bool row(int64_t width, std::string& out) {
    if (!take('[')) return false;
    for (int64_t i = 0; i < width; ++i)
      if ((i > 0 && !take(',')) || !number(out)) return false;
    return take(']');
  }

  // What follows the digits is looked at by the next step: a point or an e is no comma.
  bool number(std::string& out) {
    blanks();
    const char* const first = at_;
    int value = 0;
    while (at_ != end_ && *at_ >= '0' && *at_ <= '9' && at_ - first < 3)
      value = 10 * value + (*at_++ - '0');
    if (at_ == first || value > 255 || (*first == '0' && at_ - first > 1)) return false;
    out.push_back(char(value));
    return true;
  }

  const char* at_;
  const char* const end_;
};

nb::object byte_rows(const nb::bytes& text, int64_t width) {
  std::string out;
  out.reserve(text.size() / 2);  // a number and what parts it from the next take two at least
  if (width < 1 || !Reader(text.c_str(), text.size()).rows(width, out)) return nb::none();
  return nb::bytes(out.data(), out.size());
}

}  // namespace

void bind_byte_rows(nb::module_& m) { m.def("byte_rows", byte_rows); }

}  // namespace luce
