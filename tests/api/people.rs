//! Units, people, devices and their enrolment.
