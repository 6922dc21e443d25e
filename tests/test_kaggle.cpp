#include "nasion/faces/kaggle.hpp"

#include <algorithm>
#include <limits>
#include <string>

#include "nasion/faces/metrics.hpp"
#include "support/catch.hpp"
#include "support/foreign_locale.hpp"
#include "support/io_error.hpp"
#include "support/temporary_folder.hpp"

using namespace nasion;
using namespace nasion::vision;
using namespace nasion::faces;

namespace {

std::string submission_error(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", text);
  return test::io_error(folder.path(), [&] { read_kaggle_submission(folder / "a.csv", 2); });
}

std::string table_error(const std::string& text) {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv", text);
  return test::io_error(folder.path(), [&] { read_points_csv(folder / "a.csv"); });
}

}  // namespace

TEST_CASE("A submission has a line for each coordinate, face by face, counted from pixel centres") {
  test::TemporaryFolder folder;
  const std::vector<Landmarks> faces{{{10.5, 20.75}, {0.5, -3}}, {{1, 2}, {3, 1e6}}};
  write_kaggle_submission(folder / "a.csv", faces);
  CHECK(test::read_text(folder / "a.csv") ==
        "Id,Predicted\n0,10\n1,20.25\n2,0\n3,-3.5\n4,0.5\n5,1.5\n6,2.5\n7,999999.5\n");
  CHECK(read_kaggle_submission(folder / "a.csv", 2) == faces);
  CHECK(read_kaggle_submission(folder / "a.csv", 4).size() == 1);
}

TEST_CASE("A submission is written and read alike in every locale") {
  test::TemporaryFolder folder;
  const std::vector<Landmarks> faces{{{1234.75, 20.75}}};
  const test::ForeignLocale foreign;
  write_kaggle_submission(folder / "a.csv", faces);
  CHECK(test::read_text(folder / "a.csv") == "Id,Predicted\n0,1234.25\n1,20.25\n");
  CHECK(read_kaggle_submission(folder / "a.csv", 1) == faces);
}

TEST_CASE("A face without points has no lines in a submission, and keeps its numbers") {
  test::TemporaryFolder folder;
  const std::vector<Landmarks> faces{{}, {{1.5, 2.5}}, {}, {{3.5, 4.5}}};
  write_kaggle_submission(folder / "a.csv", faces);
  CHECK(test::read_text(folder / "a.csv") == "Id,Predicted\n2,1\n3,2\n6,3\n7,4\n");
  CHECK(read_kaggle_submission(folder / "a.csv", 1) == faces);
}

TEST_CASE("1008 faces of 68 points are 137,088 lines, and two submissions can be compared") {
  test::TemporaryFolder folder;
  std::vector<Landmarks> faces(1008, Landmarks(68));
  for (std::size_t i = 0; i < faces.size(); ++i)
    for (std::size_t k = 0; k < 68; ++k) faces[i][k] = {static_cast<double>(i), 0.25 * static_cast<double>(k)};
  write_kaggle_submission(folder / "a.csv", faces);
  const std::string text = test::read_text(folder / "a.csv");
  CHECK(std::count(text.begin(), text.end(), '\n') == 1 + 137'088);
  CHECK(text.ends_with("\n137087,16.25\n"));
  for (auto& face : faces)
    for (Point& p : face) p.x += 3;
  write_kaggle_submission(folder / "b.csv", faces);
  const auto a = read_kaggle_submission(folder / "a.csv", 68), b = read_kaggle_submission(folder / "b.csv", 68);
  REQUIRE(a.size() == 1008);
  REQUIRE(b.size() == 1008);
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += mean_absolute_error(a[i], b[i]);
  CHECK(total / 1008 == Approx(1.5));
}

TEST_CASE("A submission that could not be scored is not written") {
  test::TemporaryFolder folder;
  const auto refuses = [&](const std::vector<Landmarks>& faces, const char* why) {
    CHECK_THROWS_WITH(write_kaggle_submission(folder / "a.csv", faces), ContainsSubstring(why));
    CHECK_THROWS_AS(write_kaggle_submission(folder / "a.csv", faces), ValueError);
    CHECK_FALSE(std::filesystem::exists(folder / "a.csv"));
  };
  refuses({}, "[write_kaggle_submission] no points");
  refuses({{}}, "[write_kaggle_submission] no points");
  refuses({{{1, 1}}, {{1, 1}, {2, 2}}}, "face 0 has 1 points, another one 2");
  refuses({{{1, std::numeric_limits<double>::quiet_NaN()}}}, "face 0 has a point (1, nan) that is not finite");
  CHECK_THROWS_AS(write_kaggle_submission(folder / "missing" / "a.csv", std::vector<Landmarks>{{{1, 1}}}), IoError);
}

TEST_CASE("read_kaggle_submission names file, line and fault") {
  CHECK(submission_error("Id,Predicted\r\n0,1\r\n1,2\r\n2,3\r\n3,4") == "no error");
  CHECK(submission_error("Id,Location\n") == "a.csv:1: expected the header Id,Predicted");
  CHECK(submission_error("Id,Predicted\n0,1\n2,2\n") == "a.csv:3: expected Id 1, got '2'");
  CHECK(submission_error("Id,Predicted\n-1,1\n") == "a.csv:2: expected Id 0, got '-1'");
  CHECK(submission_error("Id,Predicted\n0.0,1\n") == "a.csv:2: Id is '0.0', not a number");
  CHECK(submission_error("Id,Predicted\n0,\n") == "a.csv:2: Predicted is '', not a number");
  CHECK(submission_error("Id,Predicted\n0,nan\n") == "a.csv:2: Predicted is 'nan', not a number");
  CHECK(submission_error("Id,Predicted\n0,1e308\n") ==
        "a.csv:2: Predicted is '1e308', but must be within -1e+09 and 1e+09");
  CHECK(submission_error("Id,Predicted\n4000000,1\n") == "a.csv:2: more than 1000000 faces");
  CHECK(submission_error("Id,Predicted\n0,1,2\n") == "a.csv:2: expected 2 fields as in the header, got 3");
  CHECK(submission_error("Id,Predicted\n") == "a.csv: ends after 0 coordinates, within a face of 2 points");
  CHECK(submission_error("Id,Predicted\n0,1\n1,2\n") == "a.csv: ends after 2 coordinates, within a face of 2 points");
  test::TemporaryFolder folder;
  CHECK_THROWS_WITH(read_kaggle_submission(folder / "a.csv", 0), "[read_kaggle_submission] faces of 0 points");
  CHECK_THROWS_AS(read_kaggle_submission(folder / "a.csv", std::size_t{1} << 63), ValueError);
  CHECK_THROWS_WITH(read_kaggle_submission(folder / "a.csv", 2), ContainsSubstring("a.csv: no such file"));
}

TEST_CASE("A table of points has a line for each face, counted from pixel centres") {
  test::TemporaryFolder folder;
  test::write_text(folder / "a.csv",
                   "\xEF\xBB\xBFimage,x0,y0,x1,y1\na.jpg,1,2,3.5,-4\n\"b, c.jpg\",0,0,1e2,0\na.jpg,1,1,1,1\n");
  const auto rows = read_points_csv(folder / "a.csv");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].image == "a.jpg");
  CHECK(rows[0].points == Landmarks{{1.5, 2.5}, {4, -3.5}});
  CHECK(rows[1].image == "b, c.jpg");
  CHECK(rows[1].points == Landmarks{{0.5, 0.5}, {100.5, 0.5}});
  CHECK(rows[2].image == "a.jpg");
}

TEST_CASE("read_points_csv names file, line and fault") {
  const std::string header = "image,x0,y0\n";
  for (const char* wrong : {"image\n", "image,x0\n", "image,x1,y1\n", "image,y0,x0\n", "photo,x0,y0\n",
                            "image,x0,y0,x1\n", "image,x0,y0,x2,y2\n"})
    CHECK(table_error(wrong) == "a.csv:1: expected the header image,x0,y0,x1,y1,... with x and y of each point");
  CHECK(table_error(header) == "no error");
  CHECK(table_error(header + "a.jpg,1\n") == "a.csv:2: expected 3 fields as in the header, got 2");
  CHECK(table_error(header + "a.jpg,1,\n") == "a.csv:2: y0 is '', not a number");
  CHECK(table_error(header + "a.jpg,inf,1\n") == "a.csv:2: x0 is 'inf', not a number");
  CHECK(table_error(header + "a.jpg,1,-1e9\nb.jpg,1e308,1\n") ==
        "a.csv:3: x0 is '1e308', but must be within -1e+09 and 1e+09");
  CHECK(table_error("image" + std::string(60'000'000, ',')) == "a.csv:1: more than 100000 columns");
  CHECK(table_error(header + "a.jpg,1,1\n,1,1\n") == "a.csv:3: the name of the image is empty");
}
