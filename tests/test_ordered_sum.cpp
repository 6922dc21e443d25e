#include "nasion/distributed/ordered_sum.hpp"

#include <cmath>

#include "support/catch.hpp"
#include "support/mpi_session.hpp"

using namespace nasion;
using namespace nasion::distributed;
using test::session;

namespace {

/// What process `rank` has at place i: numbers whose sum depends on the order.
template <class T>
T number(Index rank, Index i) {
  return static_cast<T>(std::sin(static_cast<double>(1 + i + 1000 * rank)) * std::pow(10.0, static_cast<double>(rank)));
}

template <class T>
T expected(Index i) {
  T sum = number<T>(0, i);
  for (Index rank = 1; rank < session().ranks(); ++rank) sum += number<T>(rank, i);
  return sum;
}

template <class T>
void check_sums(const Channels& channels) {
  for (const Index size : {0, 1, 2, 5, 100'003}) {
    std::vector<T> numbers(static_cast<std::size_t>(size));
    for (Index i = 0; i < size; ++i) numbers[static_cast<std::size_t>(i)] = number<T>(session().rank(), i);
    ordered_sum<T>(numbers, session().shard(), channels);
    Index wrong = 0;
    for (Index i = 0; i < size; ++i) wrong += numbers[static_cast<std::size_t>(i)] != expected<T>(i);
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("Sums are added in the order of the ranks, to the bit") {
  session();
  const Channels channels;
  check_sums<float>(channels);
  check_sums<double>(channels);
}

TEST_CASE("Several sums may be on their way, each at another step in every process") {
  const Channels channels;
  OrderedSum<float> first(1000, session().shard(), channels), second(7, session().shard(), channels);
  for (auto* sum : {&first, &second}) {
    for (std::size_t i = 0; i < sum->numbers().size(); ++i)
      sum->numbers()[i] = number<float>(session().rank(), static_cast<Index>(i));
  }
  first.begin();
  if (session().rank() == 0) {  // goes on with the first before it begins the second
    first.scattered(true);
    first.begin_gather();
    second.begin();
  } else {
    second.begin();
    first.scattered(true);
    first.begin_gather();
  }
  second.scattered(true);
  second.begin_gather();
  first.gathered(true);
  second.gathered(true);
  CHECK(first.numbers()[999] == expected<float>(999));
  CHECK(second.numbers()[6] == expected<float>(6));
}
