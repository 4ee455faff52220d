//! Polymorphic operators: what anyelement, anyarray and their kin stand for in one call.

use crate::error::Result;
use crate::function::resolve::{self, Shape};
use crate::types::{Type, builtin, oid};

/// What the polymorphic types of a signature stand for in one call.
pub(super) struct Concrete {
    element: Option<u32>,
    /// The range type that some operand tells.
    range: Option<u32>,
}

impl Concrete {
    pub(super) fn of(declared: &[u32], actual: &[Type]) -> Result<Self> {
        if !declared.iter().any(|oid| is_polymorphic(*oid)) {
            return Ok(Self { element: None, range: None });
        }
        let (mut elements, mut range) = (Vec::new(), None);
        for (declared, actual) in declared.iter().zip(actual) {
            if actual.oid == oid::UNKNOWN || !is_polymorphic(*declared) {
                continue;
            }
            let actual = builtin::base_of(actual.oid);
            let shape = Shape::of(*declared);
            let element = shape.and_then(|shape| shape.element_of(actual)).unwrap_or(0);
            range = range.or(shape.and_then(|shape| shape.range_of(actual)));
            elements.push(Type::new(element));
        }
        // Literals alone are text.
        let element = if elements.is_empty() { oid::TEXT } else { resolve::common_type(&elements, "operands")?.oid };
        Ok(Self { element: Some(element), range })
    }

    pub(super) fn argument(&self, declared: u32, actual: Type) -> Type {
        match self.element {
            Some(_) if is_polymorphic(declared) => Type::new(self.result(declared)),
            _ if declared == oid::ANY => actual,
            _ => Type::new(declared),
        }
    }

    pub(super) fn result(&self, declared: u32) -> u32 {
        match self.element {
            Some(element) => {
                Shape::of(declared).map_or(declared, |shape| shape.over(element, self.range).unwrap_or(declared))
            }
            None => declared,
        }
    }
}

fn is_polymorphic(declared: u32) -> bool {
    Shape::of(declared).is_some()
}
