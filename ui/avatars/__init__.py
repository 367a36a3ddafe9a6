"""The avatar page: gallery and enrolment."""
