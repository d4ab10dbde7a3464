"""ONNX files of other people's nets: layouts of pose nets and of detectors, recognised or named."""
