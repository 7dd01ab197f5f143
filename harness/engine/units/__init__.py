"""Units: the work itself, a module for each kind of job; from a job to the records that it makes.

| module | records | stage |
| --- | --- | --- |
| `measure_target` | target | groundwork |
| `tabulate_weighting` | weighting table | groundwork |
| `lay_out_grid` | grid | groundwork; score error where it asks for one |
| `fit_metric` | fit | groundwork |
| `train_networks` | network, trajectory | training |
| `measure_score_errors` | score error | score error |
| `measure_losses` | score error | score error |
| `evaluate_samples` | sampling, metric, bound | sampling |
| `calibrate_metrics` | calibration | sampling |

What a module here imports is the code that its records depend on (`harness.planning.code`): each imports what it runs.
"""
