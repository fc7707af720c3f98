//! Text to syntax tree: one query, or the reasons why it is not one.

use datafusion_sql::sqlparser::ast::{
    Expr, Ident, Query, SelectItem, SetExpr, Spanned, Statement, VisitMut, VisitorMut,
};
use datafusion_sql::sqlparser::dialect::GenericDialect;
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::parser::Parser;
use datafusion_sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use std::ops::ControlFlow;

use super::error::{START, SqlError, from_parser, from_tokenizer};
use super::refuse::{self, Outline};
use super::{size, window};

/// No honest query is longer, and a longer one would exhaust the stack of what walks it.
const MAX_BYTES: usize = 64 * 1024;
const MAX_OPERATORS: usize = 2_000;
/// The deepest parentheses: each level takes some of the stack.
const MAX_NESTING: usize = 40;
/// The most that is read, each time a WITH query is read counted.
const MAX_READS: usize = 100;
/// What to do about more than that.
const PARTS: &str = "put parts of it into streams of their own, and read those";

/// A query's syntax, checked for all that needs no schema.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub(super) query: Query,
    pub(super) outline: Outline,
    pub(super) tokens: Tokens,
    /// Whether rows wait for those that they are joined with.
    pub(super) waits: bool,
}

/// The words of a text and where they are.
#[derive(Debug, Clone)]
pub(crate) struct Tokens(Vec<TokenWithSpan>);

impl Parsed {
    /// Reads one query.
    ///
    /// # Errors
    /// Everything that no stream can do, each at its place.
    pub fn parse(text: &str) -> Result<Self, Vec<SqlError>> {
        let tokens = Tokens::read(text).map_err(|e| vec![e])?;
        let mut query = parse_query(&tokens).map_err(|e| vec![e])?;
        refuse::check_depth(&query, &tokens).map_err(|e| vec![e])?;
        if size::reads(&query) > MAX_READS {
            let message = format!("the SQL reads more than {MAX_READS} tables");
            return Err(vec![SqlError::at(tokens.start(), message).hint(PARTS)]);
        }
        name_columns(&mut query);
        let outline = refuse::walk(&query, &tokens)?;
        Ok(Self {
            query,
            outline,
            tokens,
            waits: false,
        })
    }

    /// The same query, with joins for which rows wait or not.
    #[must_use]
    pub fn waiting(self, waits: bool) -> Self {
        Self { waits, ..self }
    }

    /// The names of the sources and streams that it reads.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.outline.reads.iter().map(|(name, _)| name.as_str())
    }
}

/// Where parentheses go deeper than they may.
fn too_deep(tokens: &[TokenWithSpan]) -> Option<Location> {
    let mut depth = 0_usize;
    tokens.iter().find_map(|token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > MAX_NESTING).then_some(token.span.start)
    })
}

impl Tokens {
    pub(crate) fn read(text: &str) -> Result<Self, SqlError> {
        if text.len() > MAX_BYTES {
            return Err(
                SqlError::at(START, format!("the SQL is longer than {MAX_BYTES} bytes"))
                    .hint(PARTS),
            );
        }
        let mut tokens = Tokenizer::new(&GenericDialect {}, text)
            .tokenize_with_location()
            .map_err(|e| from_tokenizer(&e))?;
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
        let mut operators = tokens.iter().filter(|t| is_operator(&t.token));
        if let Some(token) = operators.nth(MAX_OPERATORS) {
            return Err(SqlError::at(
                token.span.start,
                format!("the SQL has more than {MAX_OPERATORS} operators"),
            )
            .hint(PARTS));
        }
        if let Some(at) = too_deep(&tokens) {
            return Err(SqlError::at(
                at,
                format!("parentheses are nested more than {MAX_NESTING} deep"),
            )
            .hint(PARTS));
        }
        if tokens.iter().all(|t| t.token == Token::SemiColon) {
            return Err(SqlError::at(START, "there is no SQL").hint("write SELECT … FROM …"));
        }
        Ok(Self(tokens))
    }

    /// The last `keyword` at or before a place; the place itself if there is none.
    pub(crate) fn back_to(&self, keyword: Keyword, place: Location) -> Location {
        self.0
            .iter()
            .rev()
            .find(|t| t.span.start <= place && is_keyword(&t.token, keyword))
            .map_or(place, |t| t.span.start)
    }

    /// Where a keyword is first.
    pub(crate) fn first(&self, keyword: Keyword) -> Option<Location> {
        let found = self.0.iter().find(|t| is_keyword(&t.token, keyword));
        found.map(|t| t.span.start)
    }

    /// Where the text begins.
    pub(crate) fn start(&self) -> Location {
        self.0.first().map_or(START, |t| t.span.start)
    }

    /// Where the text ends.
    pub(crate) fn end(&self) -> Location {
        self.0.last().map_or(START, |t| t.span.end)
    }

    /// Reads an expression that stands by itself.
    pub(crate) fn expression(&self) -> Result<Expr, SqlError> {
        let mut parser = self.parser();
        let expr = parser.parse_expr();
        let expr = expr.map_err(|e| from_parser(&e, self.end()))?;
        let rest = parser.peek_token();
        match rest.token {
            Token::EOF => Ok(expr),
            _ => Err(SqlError::at(
                rest.span.start,
                "the condition ends here, and the text goes on",
            )
            .hint("join conditions with AND or OR")),
        }
    }

    pub(crate) fn parser(&self) -> Parser<'static> {
        Parser::new(&GenericDialect {})
            .with_tokens_with_locations(window::plain_table_arguments(&self.0))
    }
}

pub(crate) fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.keyword == keyword && word.quote_style.is_none())
}

fn is_operator(token: &Token) -> bool {
    match token {
        Token::Word(word) => matches!(word.keyword, Keyword::AND | Keyword::OR | Keyword::NOT),
        Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::SemiColon => false,
        _ => true,
    }
}

fn parse_query(tokens: &Tokens) -> Result<Query, SqlError> {
    let mut parser = tokens.parser();
    let statement = parser
        .parse_statement()
        .map_err(|e| from_parser(&e, tokens.end()))?;
    let mut ended = false;
    while parser.consume_token(&Token::SemiColon) {
        ended = true;
    }
    let rest = parser.peek_token();
    if rest.token != Token::EOF && !ended {
        return Err(SqlError::at(
            rest.span.start,
            format!("nothing goes on with `{}` here", rest.token),
        )
        .hint("look at the words before it: one may be missing, or misspelled"));
    }
    if rest.token != Token::EOF {
        return Err(SqlError::at(
            rest.span.start,
            "a stream has one query, and here it goes on",
        )
        .hint("give each query a stream of its own"));
    }
    match statement {
        Statement::Query(query) => Ok(*query),
        other => {
            let text = other.to_string();
            let verb = text
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_uppercase();
            Err(
                SqlError::at(tokens.start(), format!("{verb} is not a query"))
                    .hint("a stream's sql starts with SELECT or WITH"),
            )
        }
    }
}

/// Gives every column that has no name the text of its expression as name.
fn name_columns(query: &mut Query) {
    struct Naming;
    impl VisitorMut for Naming {
        type Break = ();
        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
            if let SetExpr::Select(select) = query.body.as_mut() {
                select.projection.iter_mut().for_each(name_column);
            }
            ControlFlow::Continue(())
        }
    }
    let _: ControlFlow<()> = query.visit(&mut Naming);
}

fn name_column(item: &mut SelectItem) {
    if let SelectItem::UnnamedExpr(expr) = item
        && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    {
        let alias = Ident::with_quote_and_span('"', expr.span(), expr.to_string());
        let expr = expr.clone();
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
}

/// The name of the column that an item gives; a wildcard gives many.
pub(crate) fn item_name(item: &SelectItem) -> Option<&Ident> {
    match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(path)) => path.last(),
        SelectItem::ExprWithAlias { alias, .. } => Some(alias),
        _ => None,
    }
}
