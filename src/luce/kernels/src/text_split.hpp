// A document as slices of bytes: its characters lower-cased and written as UTF-8, joined so that
// each n-gram is one contiguous slice.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace luce {

// A Python string where it lies: 1, 2 or 4 bytes a character.
struct Document {
  const void* data;
  int64_t length;
  int width;
};

enum class Analyzer { word, script, character, character_in_words };

struct Analysis {
  Analyzer analyzer;
  bool lowercase;
  int64_t shortest, longest;  // n of the n-grams
};

// What Python says of each code point: made by luce.kernels.text from str.lower and re, so that
// both agree in every version of Unicode.
struct CharacterTables {
  static constexpr uint8_t word = 1, space = 2, unspaced = 4, mark = 8;
  const uint32_t* lower = nullptr;
  const uint8_t* kind = nullptr;
};

struct Gram {
  uint64_t hash;
  uint32_t begin, length;
};

inline uint64_t mixed(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return uint64_t(product) ^ uint64_t(product >> 64);
}

// Eight bytes, of which the caller has that many readable behind each slice.
inline uint64_t eight(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, 8);
  return value;
}
inline uint64_t first_of_eight(const char* bytes, uint32_t length) {  // length 0 to 8
  if (length == 8) return eight(bytes);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  return eight(bytes) & ~(~uint64_t(0) >> (8 * length));
#else
  return eight(bytes) & ((uint64_t(1) << (8 * length)) - 1);
#endif
}
constexpr int readable_behind = 8;

// The scheme of wyhash (W. Yi, public domain): products of 64 bits, folded.
inline uint64_t hash_of(const char* bytes, uint32_t length) {
  uint64_t hash = mixed(length ^ 0xa0761d6478bd642fu, 0xe7037ed1a0b428dbu);
  uint32_t rest = length;
  for (; rest > 8; rest -= 8, bytes += 8) hash = mixed(hash ^ eight(bytes), 0x8ebc6af09c88c6e3u);
  return mixed(hash ^ first_of_eight(bytes, rest), 0x589965cc75374cc3u);
}

inline bool same_bytes(const char* a, const char* b, uint32_t length) {
  for (; length > 8; length -= 8, a += 8, b += 8)
    if (eight(a) != eight(b)) return false;
  return first_of_eight(a, length) == first_of_eight(b, length);
}

class Splitter {
 public:
  Splitter(const Analysis& how, const CharacterTables& tables) : how_(how), tables_(tables) {}

  // The n-grams of a document, in no particular order; valid until the next call.
  const std::vector<Gram>& grams_of(const Document& document) {
    pieces_.clear();
    grams_.clear();
    switch (document.width) {
      case 1: read(static_cast<const uint8_t*>(document.data), document.length); break;
      case 2: read(static_cast<const uint16_t*>(document.data), document.length); break;
      default: read(static_cast<const uint32_t*>(document.data), document.length);
    }
    for (Gram& gram : grams_) gram.hash = hash_of(text() + gram.begin, gram.length);
    return grams_;
  }
  const char* text() const { return buffer_.data(); }

 private:
  struct Piece {  // of a word n-gram or character n-gram: where a word or character stands
    uint32_t begin, end;
  };

  template <class Char>
  void read(const Char* characters, int64_t length) {
    // At most 3 bytes for 2, 4 for 4, 2 for 1, and a space before each and around all.
    const size_t needed = size_t(length) * (sizeof(Char) == 1 ? 3 : 5) + 2 + readable_behind;
    if (buffer_.size() < needed) buffer_.resize(needed);
    out_ = buffer_.data();
    switch (how_.analyzer) {
      case Analyzer::word: read_words(characters, length); break;
      case Analyzer::script: read_scripts(characters, length); break;
      case Analyzer::character: read_characters(characters, length); break;
      case Analyzer::character_in_words: return read_padded_words(characters, length);
    }
    slices_of_pieces();
  }

  template <class Char>
  uint32_t lowered(Char c) const {
    return how_.lowercase ? tables_.lower[c] : uint32_t(c);
  }
  uint8_t kind(uint32_t c) const { return tables_.kind[c]; }
  uint32_t here() const { return uint32_t(out_ - buffer_.data()); }

  void put(uint32_t c) {  // surrogates too, as three bytes: the order of bytes is that of characters
    if (c < 0x80) {
      *out_++ = char(c);
    } else if (c < 0x800) {
      *out_++ = char(0xc0 | c >> 6);
      *out_++ = char(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
      *out_++ = char(0xe0 | c >> 12);
      *out_++ = char(0x80 | (c >> 6 & 0x3f));
      *out_++ = char(0x80 | (c & 0x3f));
    } else {
      *out_++ = char(0xf0 | c >> 18);
      *out_++ = char(0x80 | (c >> 12 & 0x3f));
      *out_++ = char(0x80 | (c >> 6 & 0x3f));
      *out_++ = char(0x80 | (c & 0x3f));
    }
  }

  // (?u)\b\w\w+\b: the longest runs of word characters, of two and more.
  template <class Char>
  void read_words(const Char* characters, int64_t length) {
    for (int64_t i = 0; i < length;) {
      uint32_t c = lowered(characters[i++]);
      if (!(kind(c) & CharacterTables::word)) continue;
      char* const before = out_;
      if (!pieces_.empty()) *out_++ = ' ';
      const uint32_t begin = here();
      int64_t count = 0;
      for (;;) {
        put(c);
        ++count;
        if (i == length) break;
        c = lowered(characters[i++]);
        if (!(kind(c) & CharacterTables::word)) break;
      }
      if (count < 2)
        out_ = before;
      else
        pieces_.push_back({begin, here()});
    }
  }

  // Words as above, with their marks; of scripts without spaces each character with its marks is
  // a word of its own, and is joined to the one before it without a space.
  template <class Char>
  void read_scripts(const Char* characters, int64_t length) {
    bool adjacent = false;
    for (int64_t i = 0; i < length;) {
      uint32_t c = lowered(characters[i]);
      if (!(kind(c) & CharacterTables::word)) {
        ++i;
        adjacent = false;
        continue;
      }
      const bool single = kind(c) & CharacterTables::unspaced;
      char* const before = out_;
      if (!pieces_.empty() && !(adjacent && single)) *out_++ = ' ';
      const uint32_t begin = here();
      int64_t count = 0;
      do {
        put(c);
        ++count;
        if (++i == length) break;
        c = lowered(characters[i]);
      } while (kind(c) & CharacterTables::mark ||
               (!single && (kind(c) & CharacterTables::word) &&
                !(kind(c) & CharacterTables::unspaced)));
      if (count < 2 && !single)
        out_ = before;
      else
        pieces_.push_back({begin, here()});
      adjacent = single;
    }
  }

  // Each character; two and more white ones in a row are one space.
  template <class Char>
  void read_characters(const Char* characters, int64_t length) {
    for (int64_t i = 0; i < length;) {
      uint32_t c = lowered(characters[i++]);
      if (kind(c) & CharacterTables::space) {
        const int64_t first = i;
        while (i < length && kind(lowered(characters[i])) & CharacterTables::space) ++i;
        if (i > first) c = ' ';
      }
      const uint32_t begin = here();
      put(c);
      pieces_.push_back({begin, here()});
    }
  }

  // The characters of " word ", word by word.
  template <class Char>
  void read_padded_words(const Char* characters, int64_t length) {
    for (int64_t i = 0; i < length;) {
      uint32_t c = lowered(characters[i++]);
      if (kind(c) & CharacterTables::space) continue;
      put_piece(' ');
      for (;;) {
        put_piece(c);
        if (i == length) break;
        c = lowered(characters[i++]);
        if (kind(c) & CharacterTables::space) break;
      }
      put_piece(' ');
      const int64_t there = int64_t(pieces_.size());
      slices_of_pieces();
      // A word shorter than n counts whole, once.
      if (there < how_.shortest) add(pieces_.front().begin, pieces_.back().end);
      pieces_.clear();
    }
  }
  void put_piece(uint32_t c) {
    const uint32_t begin = here();
    put(c);
    pieces_.push_back({begin, here()});
  }

  void slices_of_pieces() {
    const int64_t count = int64_t(pieces_.size());
    for (int64_t n = how_.shortest; n <= how_.longest && n <= count; ++n)
      for (int64_t i = 0; i + n <= count; ++i)
        add(pieces_[i].begin, pieces_[i + n - 1].end);
  }
  void add(uint32_t begin, uint32_t end) { grams_.push_back({0, begin, end - begin}); }

  Analysis how_;
  CharacterTables tables_;
  std::vector<char> buffer_;
  std::vector<Piece> pieces_;
  std::vector<Gram> grams_;
  char* out_ = nullptr;
};

}  // namespace luce
