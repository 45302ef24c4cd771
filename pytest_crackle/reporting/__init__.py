"""From the finished report to text: one writer per format, all reading `model.report.Report`."""
