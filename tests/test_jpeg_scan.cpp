#include "nasion/vision/jpeg_scan.hpp"

#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/pictures.hpp"

using namespace test::pictures;
using namespace nasion::vision::detail;

namespace {

/// Checks the scans of a file in turn; of the last one `change` may change header, tables and data. Says how much of
/// its data was used.
std::optional<std::size_t> check_last(const std::string& file, const auto& change) {
  JpegSegments segments(std::as_bytes(std::span(file)));
  JpegTables tables;
  std::optional<JpegFrame> frame;
  std::optional<JpegScanCheck> check;
  std::vector<JpegSegment> scans;
  std::vector<JpegTables> tables_of;
  while (const auto segment = segments.next()) {
    if (JpegFrame::is_frame(segment->marker)) check.emplace(frame.emplace(*segment));
    if (segment->marker == 0xDD) tables.restart_interval = ByteReader{segment->payload}.read(0, 2);
    for (auto left = segment->payload; segment->marker == 0xC4 && !left.empty();) {
      const auto table = JpegHuffmanSegment::take(left);
      REQUIRE((table && tables.huffman[table->type][table->id].build(*table)));
    }
    if (segment->marker != 0xDA) continue;
    scans.push_back(*segment);
    tables_of.push_back(tables);
  }
  for (std::size_t i = 0; i < scans.size(); ++i) {
    auto scan = JpegScan::parse(scans[i].payload, *frame);
    auto bytes = scans[i].data;
    REQUIRE(scan);
    if (i + 1 == scans.size()) {
      change(*scan, tables_of[i], bytes);
      return check->check(*scan, tables_of[i], bytes);
    }
    REQUIRE(check->check(*scan, tables_of[i], bytes) == bytes.size());
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("a scan's blocks are all of its data, and none may be missing") {
  for (const std::string kind : {"444", "422_restart", "420", "progressive_420", "progressive_444_restart", "grey",
                                 "grey_progressive", "cmyk_adobe"}) {
    CAPTURE(kind);
    const std::string file = test_file("jpeg_kinds/" + kind + ".jpg");
    std::size_t size = 0;
    const auto whole = check_last(file, [&](auto&, auto&, auto& bytes) { size = bytes.size(); });
    CHECK(whole == size);
    for (const std::size_t less : {std::size_t{2}, size / 2, size})
      CHECK_FALSE(check_last(file, [&](auto&, auto&, auto& bytes) { bytes = bytes.first(size - less); }));
  }
}

TEST_CASE("a scan out of turn is refused") {
  const auto refused = [](const std::string& kind, const auto& change) {
    return !check_last(test_file("jpeg_kinds/" + kind + ".jpg"),
                       [&](auto& scan, auto& tables, auto&) { change(scan, tables); });
  };
  CHECK_FALSE(refused("grey_progressive", [](auto&, auto&) {}));
  CHECK(refused("grey_progressive", [](auto& scan, auto&) { scan.high = scan.low = 0; }));  // its bits are known
  CHECK(refused("grey_progressive", [](auto& scan, auto&) { scan.high += 2, scan.low += 2; }));
  CHECK(refused("grey_progressive", [](auto& scan, auto&) { scan.last = 64; }));
  CHECK(refused("grey_progressive", [](auto& scan, auto&) { scan.first = 0; }));  // both kinds of coefficients
  CHECK(refused("422_restart", [](auto&, auto& tables) { tables.restart_interval = 3; }));
  CHECK(refused("422_restart", [](auto&, auto& tables) { tables.restart_interval = 0; }));
}
