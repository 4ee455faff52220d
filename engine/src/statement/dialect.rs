//! PostgreSQL's expressions where `sqlparser` reads them otherwise or not at all.
//!
//! A dialect of `sqlparser` that is its PostgreSQL in everything but what is written here: precedences, and the
//! constructs with a grammar of their own. What `sqlparser`'s tree has no place for is a `Prefixed` expression, which
//! nothing else makes here; its prefix is one of the words of this file.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr, Ident, UnaryOperator};
use datafusion::sql::sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Span, Token};

/// Before the lower bound of BETWEEN SYMMETRIC.
pub(crate) const SYMMETRIC: &str = "symmetric";
/// Before the first element of GROUP BY DISTINCT.
pub(crate) const DISTINCT: &str = "distinct";
/// Before an array whose elements are arguments.
pub(crate) const VARIADIC: &str = "variadic";

/// Precedence of `-x` and `+x`: above COLLATE, below subscripts and casts.
const SIGN: u8 = 125;
/// Precedence of every operator that has none of its own.
const OPERATOR: u8 = 70;

type Parsed<T> = Result<T, ParserError>;

#[derive(Debug, Default)]
pub(crate) struct Postgres {
    base: PostgreSqlDialect,
}

/// The methods that PostgreSQL's dialect defines, handed on.
macro_rules! as_the_base_does {
    ($($method:ident)*) => {
        $(fn $method(&self) -> bool {
            self.base.$method()
        })*
    };
}

impl Dialect for Postgres {
    fn dialect(&self) -> TypeId {
        self.base.dialect()
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.base.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        self.base.is_delimited_identifier_start(character)
    }

    fn is_identifier_start(&self, character: char) -> bool {
        self.base.is_identifier_start(character)
    }

    fn is_identifier_part(&self, character: char) -> bool {
        self.base.is_identifier_part(character)
    }

    fn is_custom_operator_part(&self, character: char) -> bool {
        self.base.is_custom_operator_part(character)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        self.base.is_reserved_for_identifier(keyword)
    }

    fn is_column_alias(&self, keyword: &Keyword, parser: &mut Parser) -> bool {
        // It begins a locking clause, also of a query without FROM.
        *keyword != Keyword::FOR && self.base.is_column_alias(keyword, parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.base.prec_value(precedence)
    }

    as_the_base_does! {
        supports_filter_during_aggregation supports_group_by_expr allow_extract_custom
        allow_extract_single_quotes supports_create_index_with_clause supports_explain_with_utility_options
        supports_listen_notify supports_factorial_operator supports_bitwise_shift_operators supports_comment_on
        supports_load_extension supports_named_fn_args_with_colon_operator supports_named_fn_args_with_expr_name
        supports_empty_projections supports_nested_comments supports_string_escape_constant
        supports_array_typedef_with_brackets supports_geometric_types supports_set_names supports_alter_column_type_using
        supports_notnull_operator supports_interval_options supports_insert_table_alias
        supports_create_table_like_parenthesized supports_select_wildcard_with_alias supports_comma_separated_trim
        supports_xml_expressions supports_comment_optimizer_hint
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Parsed<u8>> {
        match &parser.peek_token_ref().token {
            Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk => Some(Ok(OPERATOR)),
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::OPERATOR => Some(Ok(OPERATOR)),
                // SUBSTRING(… SIMILAR … ESCAPE …) is not SIMILAR TO.
                Keyword::SIMILAR if keyword_at(parser, 1) != Some(Keyword::TO) => Some(Ok(self.prec_unknown())),
                // Operators of other databases: here they are names.
                Keyword::XOR | Keyword::RLIKE | Keyword::REGEXP | Keyword::MATCH | Keyword::MEMBER | Keyword::DIV => {
                    Some(Ok(self.prec_unknown()))
                }
                _ => self.base.get_next_precedence(parser),
            },
            _ => self.base.get_next_precedence(parser),
        }
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Parsed<Expr>> {
        let next = parser.peek_token_ref();
        let span = next.span;
        let sign = match &next.token {
            Token::Minus => UnaryOperator::Minus,
            Token::Plus => UnaryOperator::Plus,
            Token::Tilde => return Some(prefix_operator(parser, UnaryOperator::BitwiseNot)),
            Token::AtSign => return Some(prefix_operator(parser, UnaryOperator::PGAbs)),
            Token::PGSquareRoot => return Some(prefix_operator(parser, UnaryOperator::PGSquareRoot)),
            Token::DoubleExclamationMark => return Some(prefix_operator(parser, UnaryOperator::PGPrefixFactorial)),
            Token::LParen => return holds_set_operation(parser, 0).then(|| subquery(parser)),
            Token::PGCubeRoot => return Some(prefix_operator(parser, UnaryOperator::PGCubeRoot)),
            Token::Word(word) if word.quote_style.is_none() => return special_form(parser, word.keyword, span),
            _ => return None,
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(SIGN);
        Some(operand.map(|operand| Expr::UnaryOp { op: sign, expr: Box::new(operand) }))
    }

    fn parse_infix(&self, parser: &mut Parser, left: &Expr, _precedence: u8) -> Option<Parsed<Expr>> {
        let next = parser.peek_token_ref();
        match &next.token {
            Token::Eq | Token::Lt | Token::LtEq | Token::Gt | Token::GtEq | Token::Neq => {
                // a < b < c is no expression, as little as a = b = c.
                if is_comparison(left) {
                    return Some(parser.expected_ref("no second comparison", next));
                }
                any_of_set_operation(parser, left)
            }
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                Keyword::IS => distinct_from(self, parser, left),
                Keyword::BETWEEN => Some(between(self, parser, left, false)),
                Keyword::IN => in_parentheses(parser, left, false),
                Keyword::COLLATE => Some(collate(parser, left)),
                Keyword::LIKE | Keyword::ILIKE => quantified_like(parser, left, false),
                Keyword::NOT => match &parser.peek_nth_token_ref(1).token {
                    Token::Word(word) if word.keyword == Keyword::BETWEEN => Some(between(self, parser, left, true)),
                    Token::Word(word) if word.keyword == Keyword::IN => in_parentheses(parser, left, true),
                    Token::Word(word) if matches!(word.keyword, Keyword::LIKE | Keyword::ILIKE) => {
                        quantified_like(parser, left, true)
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

fn prefix_operator(parser: &mut Parser, op: UnaryOperator) -> Parsed<Expr> {
    parser.advance_token();
    Ok(Expr::UnaryOp { op, expr: Box::new(parser.parse_subexpr(OPERATOR)?) })
}

/// `x COLLATE name` behind more than a single operand, which is all that the parser expects it behind.
fn collate(parser: &mut Parser, left: &Expr) -> Parsed<Expr> {
    parser.advance_token();
    Ok(Expr::Collate { expr: Box::new(left.clone()), collation: parser.parse_object_name(false)? })
}

fn is_comparison(expr: &Expr) -> bool {
    use BinaryOperator as B;
    matches!(expr, Expr::BinaryOp { op: B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq, .. })
}

/// `IS [NOT] DISTINCT FROM`, which binds closer than AND.
fn distinct_from(dialect: &Postgres, parser: &mut Parser, left: &Expr) -> Option<Parsed<Expr>> {
    let negated = match (keyword_at(parser, 1), keyword_at(parser, 2)) {
        (Some(Keyword::DISTINCT), Some(Keyword::FROM)) => false,
        (Some(Keyword::NOT), Some(Keyword::DISTINCT)) if keyword_at(parser, 3) == Some(Keyword::FROM) => true,
        _ => return None,
    };
    (0..3 + usize::from(negated)).for_each(|_| parser.advance_token());
    let right = match parser.parse_subexpr(dialect.prec_value(Precedence::Is)) {
        Ok(right) => Box::new(right),
        Err(error) => return Some(Err(error)),
    };
    let left = Box::new(left.clone());
    Some(Ok(if negated { Expr::IsNotDistinctFrom(left, right) } else { Expr::IsDistinctFrom(left, right) }))
}

/// `[NOT] BETWEEN [SYMMETRIC] low AND high`. Up to its AND the lower bound may be a comparison.
fn between(dialect: &Postgres, parser: &mut Parser, left: &Expr, negated: bool) -> Parsed<Expr> {
    let ahead = 1 + usize::from(negated);
    let word = parser.peek_nth_token_ref(ahead);
    let span = word.span;
    let symmetric = keyword_at(parser, ahead) == Some(Keyword::SYMMETRIC);
    let said = symmetric || is_word(&word.token, "asymmetric");
    (0..ahead + usize::from(said)).for_each(|_| parser.advance_token());
    let low = Box::new(parser.parse_subexpr(dialect.prec_value(Precedence::UnaryNot))?);
    parser.expect_keyword_is(Keyword::AND)?;
    let high = Box::new(parser.parse_subexpr(dialect.prec_value(Precedence::Between))?);
    let low = if symmetric { prefixed(SYMMETRIC, span, low) } else { low };
    Ok(Expr::Between { expr: Box::new(left.clone()), negated, low, high })
}

/// Whether parentheses open so many tokens ahead that hold a query which begins with one in parentheses:
/// `((SELECT …) UNION …)`. The parser takes two of them for those of an expression.
fn holds_set_operation(parser: &Parser, ahead: usize) -> bool {
    let first = parser.peek_nth_token_ref(ahead);
    if first.token != Token::LParen || parser.peek_nth_token_ref(ahead + 1).token != Token::LParen {
        return false;
    }
    let mut rest = (parser.get_current_index()..)
        .map(|at| parser.token_at(at))
        .skip_while(|token| !std::ptr::eq(*token, first))
        .map(|token| &token.token)
        .filter(|token| !matches!(token, Token::Whitespace(_)));
    let mut depth = 0_usize;
    for token in rest.by_ref() {
        match token {
            Token::EOF => return false,
            Token::LParen => depth += 1,
            Token::RParen if depth > 2 => depth -= 1,
            Token::RParen => break,
            _ => {}
        }
    }
    matches!(rest.next(), Some(Token::Word(word)) if word.quote_style.is_none() && goes_on_as_query(word.keyword))
}

/// Whether a word goes on with a query behind one in parentheses.
fn goes_on_as_query(keyword: Keyword) -> bool {
    use Keyword as K;
    matches!(keyword, K::UNION | K::INTERSECT | K::EXCEPT | K::ORDER | K::LIMIT | K::OFFSET | K::FETCH)
}

/// A query in parentheses.
fn subquery(parser: &mut Parser) -> Parsed<Expr> {
    parser.expect_token(&Token::LParen)?;
    let query = parser.parse_query()?;
    parser.expect_token(&Token::RParen)?;
    Ok(Expr::Subquery(query))
}

/// `x = ANY|ALL ((SELECT …) UNION …)`.
fn any_of_set_operation(parser: &mut Parser, left: &Expr) -> Option<Parsed<Expr>> {
    let all = match keyword_at(parser, 1) {
        Some(Keyword::ALL) => true,
        Some(Keyword::ANY | Keyword::SOME) => false,
        _ => return None,
    };
    if !holds_set_operation(parser, 2) {
        return None;
    }
    let compare_op = match parser.peek_token_ref().token {
        Token::Eq => BinaryOperator::Eq,
        Token::Neq => BinaryOperator::NotEq,
        Token::Lt => BinaryOperator::Lt,
        Token::LtEq => BinaryOperator::LtEq,
        Token::Gt => BinaryOperator::Gt,
        _ => BinaryOperator::GtEq,
    };
    (0..2).for_each(|_| parser.advance_token());
    Some(subquery(parser).map(|right| quantified(left, compare_op, all, right)))
}

/// `left compare_op ANY|ALL (right)`
fn quantified(left: &Expr, compare_op: BinaryOperator, all: bool, right: Expr) -> Expr {
    let (left, right) = (Box::new(left.clone()), Box::new(right));
    match all {
        true => Expr::AllOp { left, compare_op, right },
        false => Expr::AnyOp { left, compare_op, right, is_some: false },
    }
}

/// `[NOT] IN ((…`: a subquery in parentheses, or a list whose first item is one.
fn in_parentheses(parser: &mut Parser, left: &Expr, negated: bool) -> Option<Parsed<Expr>> {
    let ahead = 1 + usize::from(negated);
    let opens = |n: usize| parser.peek_nth_token_ref(n).token == Token::LParen;
    if !opens(ahead) || !opens(ahead + 1) {
        return None;
    }
    (0..=ahead).for_each(|_| parser.advance_token());
    let whole = |parser: &mut Parser| {
        let query = parser.parse_query()?;
        parser.expect_token(&Token::RParen)?;
        Ok(query)
    };
    let expr = Box::new(left.clone());
    Some(match parser.maybe_parse(whole) {
        Ok(Some(subquery)) => Ok(Expr::InSubquery { expr, subquery, negated }),
        Ok(None) => parser
            .parse_comma_separated(Parser::parse_expr)
            .and_then(|list| parser.expect_token(&Token::RParen).map(|_| Expr::InList { expr, list, negated })),
        Err(error) => Err(error),
    })
}

/// `[NOT] LIKE ANY|ALL (…)`: the operator with an array or a subquery.
fn quantified_like(parser: &mut Parser, left: &Expr, negated: bool) -> Option<Parsed<Expr>> {
    let ahead = usize::from(negated);
    let case_sensitive = keyword_at(parser, ahead) == Some(Keyword::LIKE);
    let all = match keyword_at(parser, ahead + 1) {
        Some(Keyword::ALL) => true,
        Some(Keyword::ANY | Keyword::SOME) => false,
        _ => return None,
    };
    let compare_op = match (case_sensitive, negated) {
        (true, false) => BinaryOperator::PGLikeMatch,
        (true, true) => BinaryOperator::PGNotLikeMatch,
        (false, false) => BinaryOperator::PGILikeMatch,
        (false, true) => BinaryOperator::PGNotILikeMatch,
    };
    (0..ahead + 2).for_each(|_| parser.advance_token());
    if parser.peek_token_ref().token != Token::LParen {
        return Some(parser.expected_ref("(", parser.peek_token_ref()));
    }
    // Parentheses around an array, or those of a subquery.
    Some(parser.parse_prefix().map(|right| quantified(left, compare_op, all, right)))
}

/// The constructs that begin with a word.
fn special_form(parser: &mut Parser, keyword: Keyword, span: Span) -> Option<Parsed<Expr>> {
    let opens = parser.peek_nth_token_ref(1).token == Token::LParen;
    match keyword {
        Keyword::ROW if opens && has_star(parser) => Some(starred_row(parser, span)),
        // `= ANY (VALUES (1), (2))`
        Keyword::VALUES if opens && parser.get_current_token().token == Token::LParen => {
            Some(parser.parse_query().map(Expr::Subquery))
        }
        Keyword::TRIM if opens => Some(trim(parser, span)),
        Keyword::SUBSTRING if opens => Some(substring(parser, span)),
        Keyword::INTERVAL if opens => interval_with_precision(parser),
        Keyword::ROLLUP if opens => Some(grouped(parser, Expr::Rollup)),
        Keyword::CUBE if opens => Some(grouped(parser, Expr::Cube)),
        Keyword::GROUPING if keyword_at(parser, 1) == Some(Keyword::SETS) => {
            parser.advance_token();
            Some(grouped(parser, Expr::GroupingSets))
        }
        Keyword::DISTINCT => {
            parser.advance_token();
            Some(parser.parse_expr().map(|first| *prefixed(DISTINCT, span, Box::new(first))))
        }
        Keyword::VARIADIC => {
            parser.advance_token();
            Some(parser.parse_expr().map(|array| *prefixed(VARIADIC, span, Box::new(array))))
        }
        // A literal of a type that the parser has no word for.
        Keyword::NoKeyword | Keyword::NAME if is_string(&parser.peek_nth_token_ref(1).token) => Some(typed(parser)),
        _ => None,
    }
}

fn is_string(token: &Token) -> bool {
    matches!(token, Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_) | Token::DollarQuotedString(_))
}

/// `pg_lsn '0/0'`.
fn typed(parser: &mut Parser) -> Parsed<Expr> {
    let data_type = parser.parse_data_type()?;
    Ok(Expr::TypedString(ast::TypedString { data_type, value: parser.parse_value()?, uses_odbc_syntax: false }))
}

/// `ROW(t.*, …)`: the parser's tree has a place for `t.*` among arguments, but not as an expression.
fn starred_row(parser: &mut Parser, span: Span) -> Parsed<Expr> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let parts = parser.parse_comma_separated(Parser::parse_wildcard_expr)?;
    parser.expect_token(&Token::RParen)?;
    Ok(call(vec![Ident::with_span(span, "row")], parts))
}

/// Whether `.*` stands among the arguments that follow, within sight.
fn has_star(parser: &Parser) -> bool {
    const SIGHT: usize = 256;
    let mut depth = 0;
    for ahead in 1..SIGHT {
        match &parser.peek_nth_token_ref(ahead).token {
            Token::LParen => depth += 1,
            Token::RParen if depth <= 1 => return false,
            Token::RParen => depth -= 1,
            Token::Period if depth == 1 && parser.peek_nth_token_ref(ahead + 1).token == Token::Mul => return true,
            Token::EOF => return false,
            _ => {}
        }
    }
    false
}

/// `TRIM([BOTH|LEADING|TRAILING] [characters] FROM text)`, or plain arguments.
fn trim(parser: &mut Parser, span: Span) -> Parsed<Expr> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let name = match parser.parse_one_of_keywords(&[Keyword::BOTH, Keyword::LEADING, Keyword::TRAILING]) {
        Some(Keyword::LEADING) => "ltrim",
        Some(Keyword::TRAILING) => "rtrim",
        _ => "btrim",
    };
    let mut args = Vec::new();
    if parser.parse_keyword(Keyword::FROM) {
        args = parser.parse_comma_separated(Parser::parse_expr)?;
    } else {
        let first = parser.parse_expr()?;
        if parser.parse_keyword(Keyword::FROM) {
            args = parser.parse_comma_separated(Parser::parse_expr)?;
            args.push(first);
        } else {
            args.push(first);
            if parser.consume_token(&Token::Comma) {
                args.extend(parser.parse_comma_separated(Parser::parse_expr)?);
            }
        }
    }
    parser.expect_token(&Token::RParen)?;
    Ok(system_call(name, span, args))
}

/// `SUBSTRING(text FROM start FOR count)` and its kin; with commas it is a function like any other.
fn substring(parser: &mut Parser, span: Span) -> Parsed<Expr> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    if parser.consume_token(&Token::RParen) {
        return Ok(call(vec![Ident::with_span(span, "substring")], Vec::new()));
    }
    let text = parser.parse_expr()?;
    let args = if parser.parse_keyword(Keyword::FROM) {
        let start = parser.parse_expr()?;
        match parser.parse_keyword(Keyword::FOR) {
            true => vec![text, start, parser.parse_expr()?],
            false => vec![text, start],
        }
    } else if parser.parse_keyword(Keyword::SIMILAR) {
        let pattern = parser.parse_expr()?;
        parser.expect_keyword_is(Keyword::ESCAPE)?;
        vec![text, pattern, parser.parse_expr()?]
    } else if parser.parse_keyword(Keyword::FOR) {
        let count = parser.parse_expr()?;
        match parser.parse_keyword(Keyword::FROM) {
            true => vec![text, parser.parse_expr()?, count],
            // A count alone is an integer, so that it is not taken for a pattern.
            false => vec![text, number(1, span), as_integer(count)],
        }
    } else {
        let mut args = vec![text];
        while parser.consume_token(&Token::Comma) {
            args.push(parser.parse_expr()?);
        }
        parser.expect_token(&Token::RParen)?;
        return Ok(call(vec![Ident::with_span(span, "substring")], args));
    };
    parser.expect_token(&Token::RParen)?;
    Ok(system_call("substring", span, args))
}

/// `INTERVAL(3) '1.2345 s'`.
fn interval_with_precision(parser: &mut Parser) -> Option<Parsed<Expr>> {
    let Token::Number(digits, false) = &parser.peek_nth_token_ref(2).token else { return None };
    let digits: u64 = digits.parse().ok()?;
    let closes = parser.peek_nth_token_ref(3).token == Token::RParen;
    if !closes || !matches!(parser.peek_nth_token_ref(4).token, Token::SingleQuotedString(_)) {
        return None;
    }
    (0..4).for_each(|_| parser.advance_token());
    let value = parser.parse_value();
    Some(value.map(|value| {
        Expr::Interval(ast::Interval {
            value: Box::new(Expr::Value(value)),
            leading_field: None,
            leading_precision: None,
            last_field: None,
            fractional_seconds_precision: Some(digits),
        })
    }))
}

/// ROLLUP, CUBE or GROUPING SETS among other grouping sets; the next token is its last word.
fn grouped(parser: &mut Parser, of: fn(Vec<Vec<Expr>>) -> Expr) -> Parsed<Expr> {
    parser.advance_token();
    parser.expect_token(&Token::LParen)?;
    let elements = parser.parse_comma_separated(|parser| {
        if !parser.consume_token(&Token::LParen) {
            return Ok(vec![parser.parse_expr()?]);
        }
        if parser.consume_token(&Token::RParen) {
            return Ok(Vec::new());
        }
        let element = parser.parse_comma_separated(Parser::parse_expr)?;
        parser.expect_token(&Token::RParen)?;
        Ok(element)
    })?;
    parser.expect_token(&Token::RParen)?;
    Ok(of(elements))
}

fn keyword_at(parser: &Parser, ahead: usize) -> Option<Keyword> {
    match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

fn prefixed(word: &str, span: Span, value: Box<Expr>) -> Box<Expr> {
    Box::new(Expr::Prefixed { prefix: Ident::with_span(span, word), value })
}

fn number(value: u32, span: Span) -> Expr {
    Expr::Value(ast::Value::Number(value.to_string(), false).with_span(span))
}

fn as_integer(expr: Expr) -> Expr {
    Expr::Cast {
        kind: ast::CastKind::Cast,
        expr: Box::new(expr),
        data_type: ast::DataType::Integer(None),
        array: false,
        format: None,
    }
}

/// A call of a function that the grammar itself means.
fn system_call(name: &str, span: Span, args: Vec<Expr>) -> Expr {
    call(vec![Ident::with_span(span, "pg_catalog"), Ident::with_span(span, name)], args)
}

fn call(name: Vec<Ident>, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(ast::Function {
        name: ast::ObjectName::from(name),
        uses_odbc_syntax: false,
        parameters: ast::FunctionArguments::None,
        args: ast::FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
