// A set of terms: open addressing, the bytes of all terms in one arena.
#pragma once
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <vector>

#include "text_split.hpp"

namespace luce {

class TermTable {
 public:
  struct Term {
    uint64_t hash;
    uint64_t begin;
    uint32_t length;
  };
  static constexpr uint32_t none = ~uint32_t(0);

  explicit TermTable(size_t expected = 0) { resize(expected); }

  size_t size() const { return terms_.size(); }
  const Term& term(uint32_t id) const { return terms_[id]; }
  const char* bytes(uint32_t id) const { return arena_.data() + terms_[id].begin; }

  void prefetch(uint64_t hash) const { __builtin_prefetch(&slots_[hash & mask_]); }

  // The number of a term, or `none`.
  uint32_t find(uint64_t hash, const char* bytes, uint32_t length) const {
    const uint32_t tag = uint32_t(hash >> 32);
    for (uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.id == none) return none;
      if (slot.tag == tag && is(slot.id, bytes, length)) return slot.id;
    }
  }

  // The number of a term, which is the next one where the term is new.
  uint32_t find_or_add(uint64_t hash, const char* bytes, uint32_t length) {
    const uint32_t tag = uint32_t(hash >> 32);
    uint64_t at = hash & mask_;
    for (;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.id == none) break;
      if (slot.tag == tag && is(slot.id, bytes, length)) return slot.id;
    }
    if (terms_.size() >= none - 1) throw std::length_error("too many different terms");
    const uint32_t id = uint32_t(terms_.size());
    slots_[at] = {tag, id};
    append(hash, bytes, length);
    if (2 * terms_.size() > slots_.size()) resize(slots_.size());
    return id;
  }

 private:
  struct Slot {
    uint32_t tag, id;
  };

  bool is(uint32_t id, const char* bytes, uint32_t length) const {
    const Term& term = terms_[id];
    return term.length == length && same_bytes(arena_.data() + term.begin, bytes, length);
  }

  void append(uint64_t hash, const char* bytes, uint32_t length) {
    const size_t begin = used_, needed = begin + length + readable_behind;
    if (needed > arena_.size()) arena_.resize(needed + needed / 2 + 4096);
    std::memcpy(arena_.data() + begin, bytes, length);
    used_ += length;
    terms_.push_back({hash, begin, length});
  }

  void resize(size_t terms) {
    size_t wanted = 64;
    while (wanted < 2 * terms) wanted *= 2;
    if (!slots_.empty() && wanted <= slots_.size()) wanted = 2 * slots_.size();
    slots_.assign(wanted, {0, none});
    mask_ = wanted - 1;
    for (uint32_t id = 0; id < terms_.size(); ++id) {
      uint64_t at = terms_[id].hash & mask_;
      while (slots_[at].id != none) at = (at + 1) & mask_;
      slots_[at] = {uint32_t(terms_[id].hash >> 32), id};
    }
  }

  std::vector<Slot> slots_;
  std::vector<Term> terms_;
  std::vector<char> arena_ = std::vector<char>(readable_behind);
  size_t used_ = 0;
  uint64_t mask_ = 0;
};

}  // namespace luce
