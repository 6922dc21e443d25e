#include "lab/run.hpp"

#include "nasion/core/error.hpp"
#include "nasion/io/io_error.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

namespace fs = std::filesystem;
using lab::check_same_settings, lab::checkpoint_history, lab::Settings;
using Saved = std::map<std::string, std::string>;

TEST_CASE("Photos are the same wherever they lie, and others under the same name are not") {
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "imm");
  fs::create_directory_symlink(folder / "imm", folder / "link");
  const lab::OutputFolder out(folder / "out", false);
  const auto photos = (folder / "imm").string();
  const auto settings = [](const std::string& where, const std::string& fingerprint) {
    return Settings{{"seed", "1"}, {"photos", where}, {"photos_fingerprint", fingerprint}};
  };
  const Saved saved{{"setting.seed", "1"}, {"setting.photos", photos}, {"setting.photos_fingerprint", "f00d"}};
  for (const auto& other :
       {photos, photos + "/", photos + "/../imm/.", (folder / "link").string(), std::string("moved")})
    CHECK_NOTHROW(check_same_settings(out, saved, settings(other, "f00d")));
  CHECK_THROWS_WITH(check_same_settings(out, saved, settings(photos, "beef")),
                    ContainsSubstring("this run learned from other photos (" + photos + ") than " + photos));
  CHECK_THROWS_WITH(check_same_settings(out, saved, Settings{{"seed", "2"}}), ContainsSubstring("has seed 1, not 2"));

  SECTION("a checkpoint from before there were fingerprints goes by the place") {
    const Saved older{{"setting.seed", "1"}, {"setting.photos", photos}};
    for (const auto& other : {photos, photos + "/", (folder / "link").string()})
      CHECK_NOTHROW(check_same_settings(out, older, settings(other, "f00d")));
    CHECK_THROWS_WITH(check_same_settings(out, older, settings("other", "f00d")), ContainsSubstring("not other"));
  }
}

TEST_CASE("A checkpoint says which epochs are done, or cannot be resumed") {
  const std::string header = "epoch,train_loss,val_loss,lr,seconds\n";
  const auto history = [&](const std::string& rows) {
    return checkpoint_history({{"history", header + rows}}, "c", 3);
  };
  CHECK(history("1,0.5,nan,0.1,2\n2,inf,nan,0.1,2\n").last_epoch() == 2);
  CHECK_THROWS_WITH(checkpoint_history({{"hisuory", header}}, "c", 3), ContainsSubstring("c: holds no history"));
  CHECK_THROWS_AS(checkpoint_history({{"history", ""}}, "c", 3), nasion::IoError);
  CHECK_THROWS_WITH(history(""), ContainsSubstring("c: its history has 0 epochs up to 0 of 3"));
  CHECK_THROWS_WITH(history("2,1,1,1,1\n"), ContainsSubstring("c: its history has 1 epochs up to 2 of 3"));
  CHECK_THROWS_WITH(history("1,1,1,1,1\n2,1,1,1,1\n3,1,1,1,1\n4,1,1,1,1\n"), ContainsSubstring("4 of 3"));
}

TEST_CASE("The exit code of a run tells whether it diverged") {
  lab::TrainingRun run;
  CHECK(run.exit_code() == 0);
  run.finite = false;
  CHECK(run.exit_code() == 3);
}
