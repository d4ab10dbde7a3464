"""The cascade of DeepPose: nets that correct a pose, joint by joint, over any first net."""
