#include "modules.hpp"

#include <nanobind/ndarray.h>

#include <memory>
#include <utility>
#include <vector>

#include "text_count.hpp"

namespace nb = nanobind;

namespace luce {
namespace {

constexpr size_t code_points = 0x110000;
constexpr int64_t longest_document = int64_t(1) << 29;  // characters: offsets have 32 bits

std::vector<uint32_t> lower_table;
std::vector<uint8_t> kind_table;

using Bytes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Words = nb::ndarray<const uint32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Longs = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

void set_character_tables(Words lower, Bytes kind) {
  if (lower.size() != code_points || kind.size() != code_points)
    throw nb::value_error("one entry a code point expected");
  for (size_t c = 0; c < code_points; ++c)
    if (lower.data()[c] >= code_points) throw nb::value_error("code points expected");
  if (!lower_table.empty()) return;  // counts may be under way in another thread
  kind_table.assign(kind.data(), kind.data() + code_points);
  lower_table.assign(lower.data(), lower.data() + code_points);
}

CharacterTables tables() {
  if (lower_table.empty()) throw nb::value_error("the tables of characters are not set");
  return {lower_table.data(), kind_table.data()};
}

Analysis analysis(int analyzer, bool lowercase, int64_t shortest, int64_t longest) {
  if (analyzer < 0 || analyzer > int(Analyzer::character_in_words) || shortest < 1)
    throw nb::value_error("no such analysis");
  return {Analyzer(analyzer), lowercase, shortest, longest};
}

// The strings of a tuple where they lie: neither they nor the tuple can change or go away while
// the caller holds the tuple.
std::vector<Document> documents_of(const nb::tuple& texts) {
  std::vector<Document> documents;
  documents.reserve(texts.size());
  for (nb::handle text : texts) {
    PyObject* const object = text.ptr();
    if (!PyUnicode_Check(object)) throw nb::type_error("strings expected");
#if PY_VERSION_HEX < 0x030C0000
    if (PyUnicode_READY(object) != 0) throw nb::python_error();
#endif
    const int64_t length = PyUnicode_GET_LENGTH(object);
    if (length > longest_document) throw nb::value_error("a document has more than 2**29 characters");
    documents.push_back({PyUnicode_DATA(object), length, int(PyUnicode_KIND(object))});
  }
  return documents;
}

template <class T>
nb::object array_of(std::vector<T>&& values) {
  auto kept = std::make_unique<std::vector<T>>(std::move(values));
  T* const data = kept->data();
  const size_t size = kept->size();
  nb::capsule owner(kept.get(), [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
  kept.release();
  return nb::ndarray<nb::numpy, T>(data, {size}, owner).cast();
}

nb::tuple arrays_of(SparseRows<int32_t>&& rows) {
  return nb::make_tuple(array_of(std::move(rows.starts)), array_of(std::move(rows.columns)),
                        array_of(std::move(rows.values)));
}

template <class Body>
auto released(Body body) {
  nb::gil_scoped_release without;
  return body();
}

// Where terms end in their joined bytes, checked: the numbers may come from a file.
std::vector<int64_t> ends_of(const Bytes& bytes, const Longs& ends) {
  int64_t last = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    const int64_t end = ends.data()[i];
    if (end < last || end - last > int64_t(1) << 31) throw nb::value_error("ends must rise");
    last = end;
  }
  if (last != int64_t(bytes.size())) throw nb::value_error("the last end must be that of the bytes");
  return {ends.data(), ends.data() + ends.size()};
}

nb::list terms_as_strings(Bytes bytes, Longs ends_) {
  const std::vector<int64_t> ends = ends_of(bytes, ends_);
  nb::list terms;
  int64_t begin = 0;
  for (const int64_t end : ends) {
    PyObject* const term = PyUnicode_DecodeUTF8(
        reinterpret_cast<const char*>(bytes.data()) + begin, Py_ssize_t(end - begin),
        "surrogatepass");
    if (!term) throw nb::python_error();
    terms.append(nb::steal(term));
    begin = end;
  }
  return terms;
}

class KnownTerms {
 public:
  KnownTerms(Bytes bytes, Longs ends_) {
    const std::vector<int64_t> ends = ends_of(bytes, ends_);
    if (ends.size() >= size_t(1) << 31) throw nb::value_error("too many terms");
    std::vector<char> padded(bytes.size() + readable_behind);
    std::copy(bytes.data(), bytes.data() + bytes.size(), padded.begin());
    table_ = TermTable(ends.size());
    int64_t begin = 0;
    for (const int64_t end : ends) {
      const char* const term = padded.data() + begin;
      const uint32_t length = uint32_t(end - begin);
      table_.find_or_add(hash_of(term, length), term, length);
      begin = end;
    }
    if (table_.size() != ends.size()) throw nb::value_error("each term may stand there once");
  }

  nb::tuple count(const nb::tuple& texts, int analyzer, bool lowercase, int64_t shortest,
                  int64_t longest) const {
    const std::vector<Document> documents = documents_of(texts);
    const Analysis how = analysis(analyzer, lowercase, shortest, longest);
    const CharacterTables characters = tables();
    return arrays_of(released([&] { return count_known(table_, documents, how, characters); }));
  }

 private:
  TermTable table_;
};

class CountedTerms {
 public:
  CountedTerms(const nb::tuple& texts, int analyzer, bool lowercase, int64_t shortest,
               int64_t longest) {
    const std::vector<Document> documents = documents_of(texts);
    const Analysis how = analysis(analyzer, lowercase, shortest, longest);
    const CharacterTables characters = tables();
    released([&] { counts_ = std::make_unique<TermCounts>(documents, how, characters); });
  }

  nb::tuple select(double low, double high) {
    released([&] { counts_->select(low, high); });
    return figures();
  }
  nb::tuple keep(Bytes marked) {
    if (int64_t(marked.size()) != counts_->size()) throw nb::value_error("one mark a term expected");
    counts_->keep(marked.data());
    return figures();
  }
  nb::tuple terms() const {
    std::vector<char> bytes;
    std::vector<int64_t> ends;
    released([&] { counts_->write_terms(bytes, ends); });
    return nb::make_tuple(array_of(std::vector<uint8_t>(bytes.begin(), bytes.end())),
                          array_of(std::move(ends)));
  }
  nb::tuple rows() const {
    return arrays_of(released([&] { return counts_->rows(); }));
  }

 private:
  nb::tuple figures() const {
    return nb::make_tuple(array_of(std::vector<int64_t>(counts_->documents())),
                          array_of(std::vector<int64_t>(counts_->occurrences())));
  }
  std::unique_ptr<TermCounts> counts_;
};

nb::tuple hashed_terms(const nb::tuple& texts, int analyzer, bool lowercase, int64_t shortest,
                       int64_t longest, int64_t columns, bool with_sign) {
  if (columns < 1 || columns >= int64_t(1) << 31) throw nb::value_error("1 to 2**31 - 1 columns");
  const std::vector<Document> documents = documents_of(texts);
  const Analysis how = analysis(analyzer, lowercase, shortest, longest);
  const CharacterTables characters = tables();
  return arrays_of(released(
      [&] { return count_hashed(int32_t(columns), with_sign, documents, how, characters); }));
}

}  // namespace

void bind_text(nb::module_& m) {
  m.def("set_character_tables", set_character_tables);
  m.def("terms_as_strings", terms_as_strings);
  m.def("hashed_terms", hashed_terms);
  nb::class_<KnownTerms>(m, "KnownTerms")
      .def(nb::init<Bytes, Longs>())
      .def("count", &KnownTerms::count);
  nb::class_<CountedTerms>(m, "CountedTerms")
      .def(nb::init<nb::tuple, int, bool, int64_t, int64_t>())
      .def("select", &CountedTerms::select)
      .def("keep", &CountedTerms::keep)
      .def("terms", &CountedTerms::terms)
      .def("rows", &CountedTerms::rows);
}

}  // namespace luce
