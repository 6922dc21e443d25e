#pragma once
// What the reports of all parts show of their predictions: the errors per view, the photos that went well or badly.

#include <string>
#include <vector>

#include "nasion/training/progress.hpp"
#include "nasion/vision/affine.hpp"
#include "nasion/vision/image.hpp"
#include "support/evaluation.hpp"
#include "support/recipe.hpp"
#include "support/report.hpp"

namespace support {

/// Some of the photos at the network's resolution, enlarged, with the labels of these points.
nasion::vision::Image sample_sheet(const std::vector<LabelledFace>& faces, int width, int height,
                                   const std::vector<int>& points);

/// From a photo to a picture of this size, close to the face: the box around its points, with some room.
nasion::vision::Affine close_up(const nasion::faces::Landmarks& points, int width, int height);

/// How errors are compared: in pixels where all photos are of one kind, otherwise as parts of the distance of the eyes.
enum class ErrorUnit { px, eyes_percent };

double error_in(ErrorUnit unit, const Prediction& p);

/// Photos as small pictures with their true and predicted points, each pair joined by its error.
nasion::vision::Image error_sheet(const std::vector<const Prediction*>& chosen, ErrorUnit unit = ErrorUnit::px);

/// By error, smallest first.
std::vector<const Prediction*> by_error(const std::vector<Prediction>& predictions, ErrorUnit unit = ErrorUnit::px);

/// A warning when training diverged.
void warn_if_diverged(Report& report, const TrainingRun& run, const TrainingRecipe& recipe);

/// The figures at the top of the page, and a warning when training diverged.
void add_key_figures(Report& report, const std::vector<Prediction>& predictions, const TrainingRun& run,
                     const TrainingRecipe& recipe);

/// The errors in words; `what` is off, and `mean_face` is the MSE of always answering with the mean face.
void add_summary(Report& report, const std::vector<Prediction>& predictions, const std::string& what, double mean_face);

/// The errors of each view in a table.
void add_view_errors(Report& report, const std::vector<Prediction>& predictions);

/// The photos with the smallest and the largest errors as pictures.
void add_successes_and_failures(Report& report, const std::vector<Prediction>& predictions,
                                ErrorUnit unit = ErrorUnit::px);

/// How much of the error is the labels': the eyes of some validation photos are labelled from the other corner.
void add_eye_note(Report& report, const std::vector<Prediction>& predictions);

/// Mean error of each point of the face, of 58 points with eyes in order: the worst in a table, all of them on a face.
void add_point_errors(Report& report, const std::vector<Prediction>& published);

/// On stderr: that training diverged, if it did.
void say_if_diverged(const std::string& program, const TrainingRun& run, const TrainingRecipe& recipe);

/// On stderr and on the terminal: how the run ended.
void say_result(const std::string& program, const OutputFolder& out, const std::vector<Prediction>& predictions,
                const TrainingRun& run, const TrainingRecipe& recipe, nasion::training::Progress& progress);

}  // namespace support
