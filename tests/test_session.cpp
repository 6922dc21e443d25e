#include "nasion/distributed/session.hpp"

#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/mpi_session.hpp"

using namespace nasion;
using test::session;

TEST_CASE("Every process has its number") {
  CHECK(session().ranks() > 0);
  const auto ranks = session().gather(static_cast<double>(session().rank()));
  REQUIRE(std::ssize(ranks) == session().ranks());
  for (std::size_t r = 0; r < ranks.size(); ++r) CHECK(ranks[r] == static_cast<double>(r));
  CHECK(session().is_root() == (session().rank() == 0));
  CHECK(session().shard() == data::Shard{session().rank(), session().ranks()});
}

TEST_CASE("Texts of any length are gathered and broadcast") {
  const auto own = std::string(static_cast<std::size_t>(session().rank() * 3), 'a');
  const auto texts = session().gather(own);
  REQUIRE(std::ssize(texts) == session().ranks());
  for (std::size_t r = 0; r < texts.size(); ++r) CHECK(texts[r] == std::string(3 * r, 'a'));
  std::string text = session().is_root() ? "of the root" : "of another, which is longer";
  session().broadcast(text);
  CHECK(text == "of the root");
}

TEST_CASE("Numbers are summed over all processes") {
  const double r = static_cast<double>(session().rank()), n = static_cast<double>(session().ranks());
  double numbers[] = {1, r, 0.5};
  session().sum(numbers);
  CHECK(numbers[0] == n);
  CHECK(numbers[1] == n * (n - 1) / 2);
  CHECK(numbers[2] == n / 2);
}

TEST_CASE("Every process hears of the first difference") {
  session().agree("lunch", "soup\nbread");
  if (session().ranks() == 1) return;
  const bool odd = session().rank() == 1;
  CHECK_THROWS_WITH(session().agree("lunch", odd ? "soup\ncheese" : "soup\nbread"),
                    ContainsSubstring("same lunch: rank 0 has bread, rank 1 has cheese"));
  CHECK_THROWS_WITH(session().agree("lunch", odd ? "soup" : "soup\nbread"),
                    ContainsSubstring("rank 0 has bread, rank 1 has nothing there"));
  CHECK_THROWS_AS(session().agree("lunch", odd ? "" : "soup"), ValueError);
}

TEST_CASE("What one process throws, all throw") {
  const Index last = session().ranks() - 1;
  const auto fail_on_last = [&] {
    session().together([&] {
      if (session().rank() == last) throw IoError("somewhere", "is full");
    });
  };
  if (session().rank() == last)
    CHECK_THROWS_AS(fail_on_last(), IoError);
  else
    CHECK_THROWS_WITH(fail_on_last(), ContainsSubstring(message("rank ", last, ": somewhere: is full")));
  int calls = 0;
  session().on_root([&] { ++calls; });
  CHECK(calls == session().is_root());
  CHECK_THROWS_WITH(session().on_root([] { throw ValueError("no"); }), ContainsSubstring("no"));
  CHECK_THROWS_AS(session().fail_together("all"), ValueError);
}
