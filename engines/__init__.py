"""Pixels in, keypoints or boxes out: torch, onnxruntime, detectors. No net is imported here.

Entry points: ``engine.PoseEngine`` with ``onnx_engine`` and ``torch_engine``,
``detectors.make_detector``, ``box_from_pose.box_of_pose`` and ``crop.cut_crops``;
``teacher_process.TeacherProcess`` for nets of others, ``weights.store`` for their files.
"""
