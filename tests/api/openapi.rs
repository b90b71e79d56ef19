//! Every endpoint of the served OpenAPI document against bad input.
